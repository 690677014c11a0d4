//! The grader on kernels that lack something, and under filters that refuse it: `tests/programs/lacks.rs` stands for both.
//! It says what is missing, and blames no program for it.

use crate::common::programs;
use crate::common::stage::{Ran, Stage, Who, everything_is_asked_for};
use grader::doctor::features::{self, Feature};
use grader::report::Cause;
use nix::libc;
use rstest::rstest;
use std::fs::{self, Permissions};
use std::os::unix::fs::PermissionsExt;
use std::os::unix::process::CommandExt;
use std::process::Command;

/// What each feature of the table is called by `lacks`, and how a kernel without it answers.
const LACKS: [(&str, &str, &str); 9] = [
    ("cgroup namespaces", "cgroup", "EINVAL"),
    ("pidfd_send_signal(2)", "pidfd_send_signal", "ENOSYS"),
    ("pidfd_open(2)", "pidfd_open", "ENOSYS"),
    ("openat2(2)", "openat2", "ENOSYS"),
    ("pidfd_getfd(2)", "pidfd_getfd", "ENOSYS"),
    ("time namespaces", "time", "EINVAL"),
    ("close_range(2)", "close_range", "ENOSYS"),
    ("mount_setattr(2)", "mount_setattr", "ENOSYS"),
    ("pivot_root(2)", "pivot_root", "EINVAL"),
];

/// A grader where this is missing. None, and a line that says why, where that can't be had.
fn without(stage: &Stage, lacks: &str, words: &[&str]) -> Option<Command> {
    let program = stage.path("lacks");
    if !program.exists() {
        fs::copy(programs::find("lacks")?, &program).unwrap();
        fs::set_permissions(&program, Permissions::from_mode(0o755)).unwrap();
    }
    let mut command = stage.command(&program);
    command.arg(lacks).arg(stage.path("grader")).args(words);
    Some(command)
}

fn feature(name: &str) -> &'static Feature {
    features::ALL.iter().find(|feature| feature.name == name).expect("it is in the table")
}

/// What was said, in one line: a page is wrapped.
fn said(ran: &Ran) -> String {
    let text = String::from_utf8_lossy(&ran.0.stdout).into_owned();
    text.split_whitespace().collect::<Vec<_>>().join(" ")
}

#[test]
fn every_feature_but_one_is_taken_away() {
    let known: Vec<_> = LACKS.iter().map(|(name, ..)| *name).collect();
    // That user namespaces are forbidden is seen in `doctor.rs`.
    assert!(features::ALL.iter().all(|it| known.contains(&it.name) || it.name == "user namespaces"));
}

#[rstest]
fn doctor_says_what_is_missing_and_what_is_refused(
    #[values(Who::Root, Who::User)] who: Who,
    #[values(0, 1, 2, 3, 4, 5, 6, 7, 8)] row: usize,
    #[values(false, true)] refused: bool,
) {
    let (name, word, missing) = LACKS[row];
    let Some(stage) = Stage::new(who) else { return };
    if who.is_another() && !everything_is_asked_for("as another person") {
        return;
    }
    // Root alone is let as far as the call: others may not make it at all.
    if (name, who) == ("pivot_root(2)", Who::User) {
        return;
    }
    let error = if refused { "EPERM" } else { missing };
    let Some(doctor) = without(&stage, &format!("{word}={error}"), &["doctor"]) else { return };
    let ran = stage.run(doctor);
    let (page, feature) = (said(&ran), feature(name));
    let is_said = match (refused, feature.since) {
        (true, _) => page.contains(&format!("{name}: refused: EPERM")),
        (false, Some((major, minor))) => {
            page.contains(&format!("no {name} (since Linux {major}.{minor}): {error}"))
        }
        (false, None) => page.contains(&format!("no {name} here")),
    };
    assert!(is_said && page.contains(feature.without), "{page}");
    assert!(!refused || !page.contains("since Linux"), "{page}");
    let nothing = feature.without.starts_with("nothing can be judged");
    assert_eq!(ran.code(), Some(if nothing { 3 } else { 0 }), "{page}");
}

/// By the attempts and the works checks that ask for the most.
#[rstest]
fn no_program_is_blamed_for_what_the_machine_lacks(
    #[values(Who::Root, Who::User)] who: Who,
    #[values(0, 1, 2, 4, 5, 6, 7, 8)] row: usize,
    #[values(false, true)] refused: bool,
) {
    let (name, word, missing) = LACKS[row];
    if who.is_another() && !everything_is_asked_for("as another person") {
        return;
    }
    let Some(stage) = Stage::new(who) else { return };
    let Some(lab) = programs::labs().and_then(|labs| labs.into_iter().nth(1)) else { return };
    let program = stage.directory("programs").join("lab");
    fs::copy(lab, &program).unwrap();
    let error = if refused { "EPERM" } else { missing };
    let path = program.to_str().unwrap();
    let checks = ["starts", "input", "terminal", "host-name", "hostname-read", "shell-pid", "boot-time"];
    let mut words = vec!["run", path, "--format", "json", "--decoy", "user"];
    words.extend(checks.iter().flat_map(|check| ["--check", check]));
    let Some(grader) = without(&stage, &format!("{word}={error}"), &words) else { return };
    let report = stage.run(grader).report();
    for (_, check) in report.checks() {
        let is_machine = check.cause == Some(Cause::Machine);
        assert!(check.as_expected || is_machine, "{}: {} {}", check.id, check.verdict, check.why);
        let judged = feature(name).judged || name == "time namespaces" && check.id != "boot-time";
        assert_eq!(is_machine, !judged, "{}: {} {}", check.id, check.verdict, check.why);
    }
}

/// Without close_range(2) what the caller has open is closed one by one, and nothing of it comes to a program.
#[rstest]
fn what_the_caller_has_open_stays_outside(
    #[values(Who::Root, Who::User)] who: Who,
    #[values("close_range=ENOSYS", "close_range=EPERM")] lacks: &str,
) {
    let Some(stage) = Stage::new(who) else { return };
    let program = stage.directory("programs").join("lists");
    fs::write(&program, "#!/bin/sh\ncd /proc/self/fd && echo open: * >&2\nexit 1\n").unwrap();
    fs::set_permissions(&program, Permissions::from_mode(0o755)).unwrap();
    let path = program.to_str().unwrap();
    let words = ["run", path, "--format", "json", "--decoy", "user", "--check", "starts"];
    let Some(mut grader) = without(&stage, lacks, &words) else { return };
    // SAFETY: a system call with numbers, in a child that the program then replaces.
    unsafe {
        grader.pre_exec(|| {
            [77, 1000].iter().for_each(|number| _ = libc::dup2(2, *number));
            Ok(())
        })
    };
    let report = stage.run(grader).report();
    let (_, check) = report.checks().next().unwrap();
    assert!(check.why.contains("open: 0 1 "), "{}", check.why);
    assert!(!check.why.contains("77") && !check.why.contains("1000"), "{}", check.why);
}
