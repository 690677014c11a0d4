//! The matrix: what each attempt, and each works check, comes to in each of the reference labs.
//!
//! Here BLOCKED where ESCAPED is expected is a failure: the lesson of that lab would be false.

use crate::common::machine::has_loop_devices;
use crate::common::programs;
use crate::common::stage::{Setting, Stage, check, skip, workspace};
use attempts::attempts::Attempt;
use grader::labs;
use grader::report::{Cause, Check, CheckKind, Report, TargetKind, Verdict};
use rstest::rstest;
use std::env;
use std::sync::OnceLock;

/// The report on all labs, made once.
fn report(setting: Setting) -> Option<&'static Report> {
    static REPORTS: [OnceLock<Option<Report>>; 3] = [const { OnceLock::new() }; 3];
    let report = REPORTS[setting as usize].get_or_init(|| grade(setting));
    if report.is_none() {
        skip("the grader could not be run here, see above");
    }
    report.as_ref()
}

fn grade(setting: Setting) -> Option<Report> {
    let stage = Stage::new(setting.who())?;
    let mut grader = stage.grader(["run", "--format", "json", "--decoy", setting.decoy()]);
    let by_name = !setting.who().is_another() && env::var_os("CONTAINER_LABS_PROGRAMS").is_none();
    if by_name {
        grader.args(labs::ALL).current_dir(workspace());
    } else {
        // Whoever has no cargo brings programs.
        grader.args(programs::labs()?);
    }
    let ran = stage.run(grader);
    let report = ran.report();
    // Of a program nothing is expected: there what escapes is bad news.
    assert_eq!(ran.code(), Some(if by_name { 0 } else { 1 }), "{report:#?}");
    let names: Vec<_> = report.targets.iter().map(|target| target.name.as_str()).collect();
    assert_eq!(names, labs::ALL);
    Some(report)
}

/// The attempts by name. One list for the test cases and for the test that none is missing.
macro_rules! matrix {
    ($($attempt:literal),* $(,)?) => {
        const MATRIX: &[&str] = &[$($attempt),*];

        #[rstest]
        fn an_attempt_is_judged_as_the_lab_deserves(
            #[values(Setting::RootInRoot, Setting::RootInUser, Setting::UserInUser)] setting: Setting,
            #[values("lab0-chroot", "lab1-namespaces", "lab2-mounts", "lab3-pivot")] lab: &str,
            #[values($($attempt),*)] attempt: &str,
        ) {
            judged(setting, lab, attempt);
        }
    };
}

matrix! {
    "reboot",
    "mount",
    "raw-disk",
    "shell-pid",
    "signal-process",
    "ptrace-attach",
    "proc-environ",
    "pidfd-getfd",
    "proc-pid-root",
    "cwd-outside-root",
    "host-umount",
    "chroot-escape",
    "setns-own-mount",
    "leaked-descriptor",
    "host-tree",
    "image-root-link",
    "open-by-handle",
    "rootfs-device-node",
    "mknod-disk",
    "mknod-disk-dev",
    "mknod-disk-volume",
    "remount-dev",
    "core-pattern",
    "core-pattern-remount",
    "sysfs-write",
    "proc-keys",
    "proc-keys-unmask",
    "kernel-addresses",
    "clock-adjust",
    "hostname-set",
    "hostname-read",
    "sysv-shm",
    "posix-mq",
    "abstract-socket",
    "loopback-service",
    "packet-sniff",
    "boot-time",
    "cgroup-path",
    "cgroup-leave",
    "release-agent",
    "env-secret",
    "tty-foreground",
    "tty-inject",
    "tty-inject-own",
    "tty-inject-high-bits",
    "session-keyring",
    "setuid-rootfs",
    "setuid-volume",
    "setuid-drop",
    "image-tmp-link",
    "cap-bounding",
    "cap-inheritable",
    "no-new-privs",
    "userns-unshare",
    "userns-clone",
    "userns-clone3",
    "int80-userns",
    "personality",
    "io-uring",
    "fork-bomb",
    "memory-hog",
    "cpu-hog",
}

/// What was measured of an attempt in this setting, a letter a lab.
fn letters(setting: Setting, attempt: &str) -> &'static str {
    let letters = Attempt::find(attempt).unwrap().letters;
    match setting {
        Setting::RootInRoot => letters.root,
        Setting::RootInUser => letters.user,
        Setting::UserInUser => letters.rootless,
    }
}

#[track_caller]
fn judged(setting: Setting, lab: &str, attempt: &str) {
    let Some(report) = report(setting) else { return };
    let Check { verdict, cause, why, evidence, .. } = check(report, lab, attempt);
    let number = labs::ALL.iter().position(|it| *it == lab).unwrap();
    let letter = letters(setting, attempt).as_bytes()[number + 2];
    if letter != b'I' && *cause == Some(Cause::Machine) {
        // Another machine may lack what the attempt needs: a loop device, a key, a control group.
        skip(&format!("{attempt}: {why}"));
        return;
    }
    let expected = match letter {
        b'E' => (Verdict::Escaped, None),
        b'B' => (Verdict::Blocked, None),
        _ => (Verdict::Inconclusive, Some(Cause::Machine)),
    };
    assert_eq!((*verdict, *cause), expected, "{why}; {evidence:?}");
    assert!(!why.is_empty(), "a verdict gives its reason");
}

#[test]
fn every_attempt_and_every_lab_is_in_the_matrix() {
    let known: Vec<_> = attempts::attempts::ALL.iter().map(|attempt| attempt.id).collect();
    assert_eq!(MATRIX, known);
    assert_eq!(labs::ALL, ["lab0-chroot", "lab1-namespaces", "lab2-mounts", "lab3-pivot"]);
}

/// On a machine that has what the four need nothing of this may be skipped.
#[rstest]
fn the_articles_four_attempts_are_judged(
    #[values("reboot", "mount", "raw-disk", "shell-pid")] attempt: &str,
) {
    let Some(report) = report(Setting::RootInRoot) else { return };
    for lab in labs::ALL {
        let Check { verdict, why, .. } = check(report, lab, attempt);
        assert!(
            *verdict != Verdict::Inconclusive || attempt == "raw-disk" && !has_loop_devices(),
            "{lab}: {why}"
        );
    }
}

#[rstest]
fn a_lab_still_is_a_container(
    #[values(Setting::RootInRoot, Setting::RootInUser, Setting::UserInUser)] setting: Setting,
    #[values(0, 1, 2, 3)] lab: usize,
) {
    let Some(report) = report(setting) else { return };
    for work in attempts::works::ALL.iter().filter(|work| work.first_lab <= lab) {
        let Check { kind, verdict, why, .. } = check(report, labs::ALL[lab], work.id);
        assert_eq!((*kind, *verdict), (CheckKind::Works, Verdict::Works), "{}: {why}", work.id);
    }
}

/// A lab is not asked for what a later one adds.
#[rstest]
fn a_lab_is_asked_for_its_own_works_checks(#[values(0, 1, 2, 3)] lab: usize) {
    let Some(report) = report(Setting::RootInRoot) else { return };
    let target = &report.targets[lab];
    let asked: Vec<_> =
        target.checks.iter().filter(|it| it.kind == CheckKind::Works).map(|it| it.id.as_str()).collect();
    let own: Vec<_> =
        attempts::works::ALL.iter().filter(|work| work.first_lab <= lab).map(|work| work.id).collect();
    assert_eq!(asked, own);
    assert_eq!(target.kind, TargetKind::Lab);
}
