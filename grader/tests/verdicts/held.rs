//! No attempt is one that can't be stopped. What a lab stops is shown by the matrix; what labs to come are to stop, by
//! lab 3 with each of their defences around it (`tests/programs/holds.rs`): it holds what the defence is for, and lets
//! through what it is not for.

use crate::common::programs;
use crate::common::stage::{Setting, Stage, check, skip};
use attempts::attempts::{ALL, Attempt};
use grader::labs;
use grader::report::{Cause, Report, Verdict};
use rstest::rstest;
use std::fs;
use std::path::Path;

/// A defence, and all that it holds of what no lab does yet.
const HOLDS: [(&str, &[&str]); 5] = [
    (
        "capabilities",
        &[
            "open-by-handle",
            "remount-dev",
            "core-pattern-remount",
            "proc-keys-unmask",
            "kernel-addresses",
            "clock-adjust",
            "tty-inject",
            "cap-bounding",
            "cap-inheritable",
        ],
    ),
    ("no-new-privs", &["no-new-privs"]),
    (
        "filter",
        &[
            "tty-inject",
            "tty-inject-own",
            "tty-inject-high-bits",
            "session-keyring",
            "userns-unshare",
            "userns-clone",
            "userns-clone3",
            "int80-userns",
            "personality",
            "io-uring",
        ],
    ),
    // Three mistakes, and for each of them an attempt that it lets through.
    (
        "careless-filter",
        &[
            "tty-inject",
            "tty-inject-own",
            "session-keyring",
            "userns-unshare",
            "userns-clone",
            "personality",
            "io-uring",
        ],
    ),
    ("groups", &["fork-bomb", "memory-hog", "cpu-hog"]),
];

/// The attempts that no lab stops yet.
fn to_come() -> impl Iterator<Item = &'static Attempt> {
    ALL.iter().filter(|attempt| attempt.first_lab() >= labs::ALL.len())
}

#[test]
fn every_attempt_is_held_by_something() {
    for attempt in to_come() {
        assert!(HOLDS.iter().any(|(_, held)| held.contains(&attempt.id)), "nothing holds {}", attempt.id);
    }
    for attempt in ALL.iter().filter(|attempt| attempt.first_lab() < labs::ALL.len()) {
        let letter = attempt.letter(labs::ALL.len() - 1, attempt.letters.root);
        assert_eq!(letter, Some('B'), "{}: and the matrix sees it", attempt.id);
    }
    for id in HOLDS.iter().flat_map(|(_, held)| *held) {
        assert!(to_come().any(|attempt| attempt.id == *id), "{id}");
    }
}

/// What keeps this machine from showing that a defence holds an attempt, or lets it through.
fn lacks(id: &str, defence: &str) -> Option<&'static str> {
    let is = |file: &str, value: &str| fs::read_to_string(file).is_ok_and(|text| text.trim() == value);
    let limits = ["fork-bomb", "memory-hog", "cpu-hog"].contains(&id);
    // There TIOCSTI asks for a capability in any case.
    if id.starts_with("tty-inject-")
        && defence == "capabilities"
        && is("/proc/sys/dev/tty/legacy_tiocsti", "0")
    {
        return Some("dev.tty.legacy_tiocsti is 0");
    }
    let first_version = || Path::new("/sys/fs/cgroup/pids").is_dir();
    (limits && defence == "groups" && !first_version()).then_some("needs control groups of version 1")
}

#[rstest]
fn each_defence_holds_what_it_is_for_and_nothing_else(
    #[values(Setting::RootInRoot, Setting::RootInUser, Setting::UserInUser)] setting: Setting,
) {
    if !cfg!(target_arch = "x86_64") {
        return skip("the filter is one of x86-64");
    }
    let Some(report) = graded(setting) else { return };
    let mut wrong = Vec::new();
    for (at, (defence, held)) in HOLDS.into_iter().enumerate() {
        let starts = check(&report, defence, "starts");
        assert_eq!(starts.verdict, Verdict::Works, "{defence}: {}", starts.why);
        for attempt in to_come() {
            let found = check(&report, defence, attempt.id);
            if found.cause == Some(Cause::Machine) {
                // The same behind each defence.
                if at == 0 {
                    skip(&format!("{}: {}", attempt.id, found.why));
                }
                continue;
            }
            if let Some(why) = lacks(attempt.id, defence) {
                skip(&format!("{} behind {defence}: {why}", attempt.id));
                continue;
            }
            // In a user namespace the session of lab 3 is enough.
            let is_held =
                held.contains(&attempt.id) || attempt.id == "tty-inject" && setting != Setting::RootInRoot;
            let expected = if is_held { Verdict::Blocked } else { Verdict::Escaped };
            if found.verdict != expected {
                wrong.push(format!("{} behind {defence}: {}, {}", attempt.id, found.verdict, found.why));
            }
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

/// Lab 3 behind each of the defences, as one report. The targets are called by the defence.
fn graded(setting: Setting) -> Option<Report> {
    let stage = Stage::new(setting.who())?;
    let holds = stage.program("holds")?;
    let lab = programs::labs()?.pop()?;
    let mut grader = stage.grader(["run", "--format", "json", "--decoy", setting.decoy()]);
    grader.args(to_come().flat_map(|attempt| ["--attempt", attempt.id]).chain(["--attempt", "starts"]));
    for (defence, _) in HOLDS {
        let own = stage.directory(defence);
        fs::copy(&lab, own.join("lab3-pivot")).unwrap();
        fs::copy(&holds, own.join(defence)).unwrap();
        let template =
            format!("{0}/{defence} {defence} {0}/lab3-pivot {{rootfs}} {{command}}", own.display());
        grader.args(["--program", &template]);
    }
    Some(stage.run(grader).report())
}
