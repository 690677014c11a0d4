//! The command line, read for a made-up lab.

use super::*;

/// As a lab would have it that limits memory.
const MEMORY: LabOption = LabOption {
    name: "--memory",
    takes: Takes::Checked {
        name: "SIZE",
        what: "a size, such as 64M",
        valid: |word| mebibytes(word).is_some(),
    },
    help: "use no more memory than SIZE",
};
const SHARE: LabOption = LabOption {
    name: "--share",
    takes: Takes::OneOf { name: "NAME", words: &["ipc", "uts"] },
    help: "stay in the host's namespace NAME",
};
const ALL: &[LabOption] = &[QUIET, MEMORY, SHARE];

fn mebibytes(word: &str) -> Option<u64> {
    // `parse` would take a plus sign, too.
    let digits = word.strip_suffix('M')?;
    digits.bytes().all(|byte| byte.is_ascii_digit()).then(|| digits.parse().ok())?
}

fn parse(options: &[LabOption], words: &[&str]) -> std::result::Result<Args, Stop> {
    Args::parse("lab", options, words.iter().map(OsString::from))
}

/// The first line of what a wrong command line is answered with.
fn wrong(options: &[LabOption], words: &[&str]) -> String {
    match parse(options, words) {
        Err(Stop::Usage(text)) => text.lines().next().unwrap_or_default().to_owned(),
        other => panic!("{words:?}: {other:?}"),
    }
}

#[test]
fn options_end_where_the_directory_begins() {
    let args = parse(ALL, &["--memory", "64M", "/", "ls", "--quiet"]).unwrap();
    assert!(!args.has(&QUIET));
    assert_eq!(args.command, [c"ls".to_owned(), c"--quiet".to_owned()]);
    assert!(parse(ALL, &["--quiet", "--", "/", "ls"]).unwrap().has(&QUIET));
}

#[test]
fn an_option_has_its_values() {
    let args =
        parse(ALL, &["--share", "uts", "--memory", "32M", "--share", "ipc", "--memory", "64M", "/", "ls"]);
    let args = args.unwrap();
    assert!(args.values(&SHARE).eq(["uts", "ipc"]));
    assert_eq!(args.value(&MEMORY).and_then(mebibytes), Some(64), "the last one counts");
    let none = parse(ALL, &["/", "ls"]).unwrap();
    assert!(!none.has(&MEMORY) && none.value(&MEMORY).is_none() && none.values(&SHARE).next().is_none());
}

#[test]
fn a_missing_or_wrong_value_is_answered_with_the_option_and_what_it_takes() {
    for words in
        [&["--memory"] as &[_], &["--memory", "much", "/", "ls"], &["--memory", "--quiet", "/", "ls"]]
    {
        assert_eq!(wrong(ALL, words), "lab: --memory takes a size, such as 64M");
    }
    for words in [&["--share"] as &[_], &["--share", "dreams", "/", "ls"]] {
        assert_eq!(wrong(ALL, words), "lab: --share takes one of ipc, uts");
    }
}

#[test]
fn a_lab_knows_only_its_own_options() {
    assert_eq!(wrong(&[QUIET], &["--memory", "64M", "/", "ls"]), "lab: unknown option --memory");
}

#[test]
fn the_usage_text_has_a_line_for_each_option() {
    let Err(Stop::Help(text)) = parse(ALL, &["--help"]) else { panic!("no help") };
    let (_, lines) = text.split_once("Options:\n").unwrap();
    assert_eq!(
        lines.lines().collect::<Vec<_>>(),
        [
            "  --quiet        don't print how the command ended",
            "  --memory SIZE  use no more memory than SIZE",
            "  --share NAME   stay in the host's namespace NAME",
            "  --help         print this text",
        ]
    );
}

#[test]
fn the_directory_becomes_absolute() {
    assert!(parse(ALL, &["src/", "ls"]).unwrap().rootfs.is_absolute());
    assert!(matches!(parse(ALL, &["/dev/null", "ls"]), Err(Stop::Directory(_))));
}
