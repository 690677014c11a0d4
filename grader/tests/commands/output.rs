//! What comes out where others had a say in it: nothing that a terminal obeys or that leads a reader astray, and no list
//! without an end; and limits of the caller's that become an error with words.

use crate::common::stage::{Ran, Stage, Who, check};
use crate::common::warm;
use flate2::Compression;
use flate2::write::GzEncoder;
use grader::student::starter;
use grader::text::is_hidden;
use nix::unistd::geteuid;
use predicates::prelude::*;
use predicates::str::contains;
use rstest::rstest;
use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::PathBuf;

/// C0, DEL, C1, marks of direction, separators of lines: one of each, and words around them.
const BAD: &str = "bad\u{1b}[31m\u{7}\u{8}\u{7f}\u{85}\u{9b}31m\u{61c}\u{200e}\u{200f}\u{202a}\u{202e}\u{2066}\u{2069}\u{2028}\u{2029}end";

/// Whoever runs the tests.
fn stage() -> Option<Stage> {
    Stage::new(if geteuid().is_root() { Who::Root } else { Who::User })
}

/// Nothing of it is in what came out, and the words around it are.
#[track_caller]
fn is_clean(ran: &Ran, shown: &str) {
    let (out, err) = (String::from_utf8_lossy(&ran.0.stdout), String::from_utf8_lossy(&ran.0.stderr));
    for text in [&out, &err] {
        let found: Vec<char> = text.chars().filter(|c| is_hidden(*c) && !"\n\t".contains(*c)).collect();
        assert!(found.is_empty(), "{found:?} in {text}");
    }
    assert!(out.contains(shown) || err.contains(shown), "no {shown} in {out}{err}");
}

/// A program that says something bad, with a bad name, and starts nothing.
fn liar(stage: &Stage) -> String {
    let name = format!("{BAD}-name");
    let path = stage.path(&name);
    fs::write(&path, format!("#!/bin/sh\nprintf '%s' '{BAD}' >&2\nexit 7\n")).unwrap();
    fs::set_permissions(&path, fs::Permissions::from_mode(0o755)).unwrap();
    name
}

#[rstest]
#[case::table(&["run", "--attempt", "mount", "--attempt", "starts"], r"bad\u{1b}[31m\u{7}\u{8}\u{7f}\u{85}\u{9b}31m\u{61c}")]
#[case::json(&["run", "--attempt", "mount", "--format", "json"], r"\u0085\u009b31m\u061c")]
fn what_a_program_says_and_is_called(#[case] words: &[&str], #[case] shown: &str) {
    let Some(stage) = stage() else { return };
    let name = liar(&stage);
    let ran = stage.run(stage.grader(words.iter().copied().chain(["--decoy", "user", &name])));
    is_clean(&ran, shown);
    if words.contains(&"json") {
        // Who parses it has the name as it is.
        check(&ran.report(), &name, "mount");
    }
}

#[test]
fn the_slow_story_and_an_error() {
    let Some(stage) = stage() else { return };
    let name = liar(&stage);
    is_clean(&stage.run(stage.grader(["try", "mount", "--in", &name, "--decoy", "user"])), r"\u{202e}");
    for words in [
        vec!["run", BAD],
        vec!["explain", BAD],
        vec!["try", "mount", "--in", BAD],
        vec!["rootfs", "check", BAD],
        vec!["pack", "--check", BAD],
        vec!["run", "--attempt", BAD],
        vec!["run", "--rubric", BAD],
        vec!["run", "--program", BAD],
    ] {
        is_clean(&stage.run(stage.grader(&words)), "bad");
    }
}

/// What clap itself prints of a wrong command line, too.
#[test]
fn a_wrong_command_line() {
    let Some(stage) = stage() else { return };
    for words in [vec![BAD], vec!["run", "--decoy", BAD], vec!["--bad\u{202e}\u{9b}31m"]] {
        is_clean(&stage.run(stage.grader(&words)), "bad");
    }
}

fn with_cargo() -> Option<(Stage, PathBuf)> {
    let stage = stage()?;
    let place = stage.directory("mine");
    starter::source().unwrap().write(&place).unwrap();
    (warm::target(&place) && warm::target_of_pack(&stage.cache())).then_some((stage, place))
}

#[rstest]
#[case(&["run", "lab0", "--attempt", "mount"])]
#[case(&["knockout", "lab0"])]
#[case(&["watch", "lab0", "--plain"])]
#[case(&["pack"])]
fn what_a_compiler_quotes(#[case] words: &[&str]) {
    let Some((stage, place)) = with_cargo() else { return };
    // In a comment rustc refuses marks of direction, and quotes the line.
    let library = place.join("lab0-chroot/src/lib.rs");
    let text = fs::read_to_string(&library).unwrap();
    let wrong = "\n#[deprecated(note = \"bad\\u{202e}\\u{9b}31m\\u{2028}\")]\nfn old() {}\npub fn new() { old(); 1 }\n";
    fs::write(&library, format!("{text}{wrong}// \u{202e}\u{9b}31m\n")).unwrap();
    let mut grader = stage.grader(words);
    grader.current_dir(&place);
    warm::cargo_settings(&mut grader);
    is_clean(&stage.run(grader), "error");
}

#[test]
fn names_in_an_archive_and_how_many() {
    let Some(stage) = stage() else { return };
    let mut tar = tar::Builder::new(GzEncoder::new(Vec::new(), Compression::fast()));
    let mut files = Vec::new();
    for number in 0..4000 {
        files.push(serde_json::json!({"name": format!("{BAD}{number}"), "size": 1, "sha256": BAD}));
    }
    let list = serde_json::json!({"schema": "container-labs/pack/v1", "files": files}).to_string();
    let mut add = |name: &str, bytes: &[u8]| {
        let mut header = tar::Header::new_gnu();
        header.set_size(bytes.len() as u64);
        header.set_mode(0o644);
        tar.append_data(&mut header, name, bytes).unwrap();
    };
    assert!(list.len() < 1 << 20);
    add("container-labs/manifest.json", list.as_bytes());
    add(&format!("container-labs/{}", BAD.replace('\u{8}', "")), b"x");
    let archive = tar.into_inner().unwrap().finish().unwrap();
    fs::write(stage.path("hostile.tar.gz"), archive).unwrap();
    let ran = stage.run(stage.grader(["pack", "--check", "hostile.tar.gz"]));
    assert_eq!(ran.code(), Some(1));
    is_clean(&ran, r"\u{202e}");
    let said = String::from_utf8_lossy(&ran.0.stderr).into_owned();
    assert!(said.lines().count() < 300, "{} lines", said.lines().count());
    assert!(said.lines().last().unwrap().contains(" more"), "{said}");
}

#[test]
fn a_small_stack_is_an_error_with_words() {
    let Some(stage) = stage() else { return };
    for words in [vec!["run", "--attempt", "mount"], vec!["doctor"], vec!["explain"], vec!["pack"], vec![]] {
        let ran = stage.run(stage.script("ulimit -s 100; \"$@\"", words));
        assert_eq!(ran.code(), Some(1), "{ran:?}");
        ran.assert().stderr(
            "grader: the stack is limited to 100 KiB, but 1024 KiB are needed; this helps: ulimit -s 1024\n",
        );
    }
    // What is said to be enough is.
    let words = [
        "run",
        "--attempt",
        "mount",
        "--decoy",
        "user",
        "--program",
        "unshare --mount chroot {rootfs} {command}",
    ];
    let ran = stage.run(stage.script("ulimit -s 1024; \"$@\"", words));
    assert!(ran.code().is_some_and(|code| code < 2), "{ran:?}");
}

#[test]
fn a_small_limit_on_files_is_an_error_with_words() {
    let Some(stage) = stage() else { return };
    let words = [
        "run",
        "--attempt",
        "mount",
        "--decoy",
        "user",
        "--program",
        "unshare --mount chroot {rootfs} {command}",
    ];
    // The cache is made before: the report is what does not fit.
    assert!(stage.run(stage.grader(words)).code().is_some_and(|code| code < 2));
    let output = ["--format", "json", "--output", "report.json"];
    for (blocks, code) in [(0, 1), (1, 1)] {
        let ran =
            stage.run(stage.script(&format!("ulimit -f {blocks}; \"$@\""), words.iter().chain(&output)));
        assert_eq!(ran.code(), Some(code), "{ran:?}");
        ran.assert().stderr(contains("File too large").and(contains("grader: ")));
        assert!(!stage.path("report.json").exists());
    }
}

/// A program under test is ended by it as it would be elsewhere.
#[test]
fn what_the_grader_starts_has_the_signals_of_a_program() {
    let Some(stage) = stage() else { return };
    let script = "#!/bin/sh\ngrep SigIgn /proc/self/status >&2\nexit 7\n";
    fs::write(stage.path("ignores"), script).unwrap();
    fs::set_permissions(stage.path("ignores"), fs::Permissions::from_mode(0o755)).unwrap();
    let words = ["run", "--attempt", "mount", "--decoy", "user", "--format", "json", "./ignores"];
    let report = stage.run(stage.grader(words)).report();
    let why = &check(&report, "ignores", "mount").why;
    let mask = why.rsplit("SigIgn:").next().unwrap().trim();
    let mask = u64::from_str_radix(mask.get(..16).unwrap_or_else(|| panic!("{why}")), 16).unwrap();
    assert_eq!(mask & 0x7fff_ffff, 0, "{why}");
}

#[rstest]
#[case::falls_short("mount", 1)]
#[case::cannot_be_judged_here("raw-disk", 3)]
fn try_and_run_agree_in_exit_codes(#[case] attempt: &str, #[case] code: i32) {
    let Some(stage) = Stage::new(Who::User) else { return };
    let Some(program) = stage.program("exits.sh") else { return };
    let program = program.to_str().unwrap();
    let tried = stage.run(stage.grader(["try", attempt, "--in", program, "--decoy", "user"]));
    let run = stage.run(stage.grader(["run", "--attempt", attempt, "--decoy", "user", program]));
    assert_eq!((tried.code(), run.code()), (Some(code), Some(code)), "{tried:?} {run:?}");
}
