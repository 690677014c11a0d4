//! Hostile images: a launcher that falls for one is seen to, and refusing one is a right answer only where it is an
//! answer: by a program that ends by itself, in failure, and starts its command on the honest image.

use crate::common::stage::{Setting, Stage, check};
use grader::report::{Check, Report, Verdict};
use rstest::rstest;
use std::fs::{self, Permissions};
use std::os::unix::fs::PermissionsExt;

/// Other programs, what each does with a directory and a command, and what is said of both attempts.
const OTHERS: [(&str, &str, Verdict, &str); 7] = [
    (
        "refuses",
        r#"[ -L "$1/tmp" ] && echo "$1/tmp: a link" >&2 && exit 1; exec chroot "$@""#,
        Verdict::Blocked,
        "a link",
    ),
    (
        "refuses-without-a-word",
        r#"[ -L "$1/tmp" ] && exit 7; exec chroot "$@""#,
        Verdict::Blocked,
        "status 7",
    ),
    // What starts nothing refuses nothing.
    ("starts-nothing", "echo no >&2; exit 1", Verdict::Inconclusive, "before its command started"),
    // Neither does what breaks, nor what goes away in silence.
    ("dies", r#"[ -L "$1/tmp" ] && kill -SEGV $$; exec chroot "$@""#, Verdict::Inconclusive, "signal 11"),
    ("is-silent", r#"[ -L "$1/tmp" ] && exit 0; exec chroot "$@""#, Verdict::Inconclusive, "status 0"),
    // It can't be executed.
    ("interpreter", "", Verdict::Inconclusive, "could not be executed"),
    // It starts every second time, whatever the image.
    (
        "sometimes",
        r#"mkdir /tmp/once 2>/dev/null && exit 1; rmdir /tmp/once; exec chroot "$@""#,
        Verdict::Inconclusive,
        "before its command started",
    ),
];

fn graded(stage: &Stage, setting: Setting, programs: &[(&str, &str)]) -> Report {
    let directory = stage.directory("images");
    let mut grader = stage.grader(["run", "--format", "json", "--decoy", setting.decoy()]);
    grader.args(["--attempt", "image-root-link", "--attempt", "image-tmp-link"]);
    for (name, script) in programs {
        let path = directory.join(name);
        let interpreter = if *name == "interpreter" { "/no/interpreter" } else { "/bin/sh" };
        fs::write(&path, format!("#!{interpreter}\n{script}\n")).unwrap();
        fs::set_permissions(&path, Permissions::from_mode(0o755)).unwrap();
        grader.arg(path);
    }
    stage.run(grader).report()
}

#[rstest]
fn a_launcher_that_mounts_by_path_falls_for_a_link_to_the_root(
    #[values(Setting::RootInRoot, Setting::RootInUser, Setting::UserInUser)] setting: Setting,
) {
    let Some(stage) = Stage::new(setting.who()) else { return };
    let Some(naive) = stage.program("naive") else { return };
    let mut grader = stage.grader(["run", "--format", "json", "--decoy", setting.decoy()]);
    grader.args(["--attempt", "image-root-link", "--attempt", "image-tmp-link"]).arg(naive);
    let report = stage.run(grader).report();
    for id in ["image-root-link", "image-tmp-link"] {
        let Check { verdict, why, evidence, .. } = check(&report, "naive", id);
        assert_eq!(*verdict, Verdict::Escaped, "{id}: {why}; {evidence:?}");
    }
}

#[rstest]
fn a_refusal_must_be_one(
    #[values(Setting::RootInRoot, Setting::RootInUser, Setting::UserInUser)] setting: Setting,
) {
    let Some(stage) = Stage::new(setting.who()) else { return };
    let programs: Vec<_> = OTHERS.iter().map(|(name, script, ..)| (*name, *script)).collect();
    let report = graded(&stage, setting, &programs);
    for (name, _, verdict, words) in OTHERS {
        for id in ["image-root-link", "image-tmp-link"] {
            let found = check(&report, name, id);
            assert_eq!(found.verdict, verdict, "{name}, {id}: {}", found.why);
            assert!(found.why.contains(words), "{name}, {id}: {}", found.why);
            let refused = found.why.starts_with("the program refused the image: ");
            assert_eq!(refused, verdict == Verdict::Blocked, "{name}, {id}: {}", found.why);
        }
    }
}

/// It does not start at first, then starts on the honest image, and then on the hostile one as well.
#[rstest]
fn a_program_that_starts_in_the_image_the_next_time_is_judged_by_what_happens_there(
    #[values(Setting::RootInRoot, Setting::RootInUser, Setting::UserInUser)] setting: Setting,
) {
    let Some(stage) = Stage::new(setting.who()) else { return };
    let once = r#"mkdir /tmp/once 2>/dev/null && exit 1; exec chroot "$@""#;
    let report = graded(&stage, setting, &[("once", once)]);
    let root = check(&report, "once", "image-root-link");
    assert_eq!(root.verdict, Verdict::Blocked, "{}", root.why);
    assert!(root.why.contains("was refused: ENOENT"), "{}", root.why);
    assert_eq!(check(&report, "once", "image-tmp-link").verdict, Verdict::Escaped);
}
