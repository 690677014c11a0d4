//! The matrix: what each attempt, and each works check, comes to in each of the reference labs.
//!
//! Here BLOCKED where ESCAPED is expected is a failure: the lesson of that lab would be false.

mod common;

use common::programs;
use common::stage::{Setting, Stage, check, skip, workspace};
use grader::labs;
use grader::report::{Check, Report};
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

/// The attempts, each with its verdicts from lab 0 on: E escaped, B blocked. One list for the table and for
/// the test cases.
macro_rules! matrix {
    ($($attempt:tt $verdicts:tt)*) => {
        const MATRIX: &[(&str, &str)] = &[$(($attempt, $verdicts)),*];

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
    "reboot"    "EBBB"
    "mount"     "EBBB"
    "raw-disk"  "EEBB"
    "shell-pid" "EBBB"
}

#[track_caller]
fn judged(setting: Setting, lab: &str, attempt: &str) {
    let Some(report) = report(setting) else { return };
    let Check { verdict, cause, why, evidence, .. } = check(report, lab, attempt);
    if let Some(lacks) = setting.lacks_disk().filter(|_| attempt == "raw-disk") {
        assert_eq!((verdict.as_str(), cause.as_deref()), ("INCONCLUSIVE", Some("machine")), "{why}");
        assert!(why.contains(lacks), "{why}");
        return;
    }
    let number = labs::ALL.iter().position(|it| *it == lab).unwrap();
    let verdicts = MATRIX.iter().find(|(id, _)| *id == attempt).unwrap().1;
    let expected = if verdicts.as_bytes()[number] == b'E' { "ESCAPED" } else { "BLOCKED" };
    assert_eq!(verdict, expected, "{why}; {evidence:?}");
    assert_eq!(*cause, None);
    assert!(!why.is_empty() && !evidence.is_empty(), "a verdict gives its reason: {why:?} {evidence:?}");
}

#[test]
fn every_attempt_and_every_lab_is_in_the_matrix() {
    let tested: Vec<_> = MATRIX.iter().map(|(id, _)| *id).collect();
    let known: Vec<_> = attempts::attempts::ALL.iter().map(|attempt| attempt.id).collect();
    assert_eq!(tested, known);
    assert_eq!(labs::ALL, ["lab0-chroot", "lab1-namespaces", "lab2-mounts", "lab3-pivot"]);
    assert!(MATRIX.iter().all(|(_, verdicts)| verdicts.len() == labs::ALL.len()));
}

#[rstest]
fn a_lab_still_is_a_container(
    #[values(Setting::RootInRoot, Setting::RootInUser, Setting::UserInUser)] setting: Setting,
    #[values(0, 1, 2, 3)] lab: usize,
) {
    let Some(report) = report(setting) else { return };
    for work in attempts::works::ALL.iter().filter(|work| work.first_lab <= lab) {
        let Check { kind, verdict, why, .. } = check(report, labs::ALL[lab], work.id);
        assert_eq!((kind.as_str(), verdict.as_str()), ("works", "WORKS"), "{}: {why}", work.id);
    }
}

/// A lab is not asked for what a later one adds.
#[rstest]
fn a_lab_is_asked_for_its_own_works_checks(#[values(0, 1, 2, 3)] lab: usize) {
    let Some(report) = report(Setting::RootInRoot) else { return };
    let target = &report.targets[lab];
    let asked: Vec<_> =
        target.checks.iter().filter(|it| it.kind == "works").map(|it| it.id.as_str()).collect();
    let own: Vec<_> =
        attempts::works::ALL.iter().filter(|work| work.first_lab <= lab).map(|work| work.id).collect();
    assert_eq!(asked, own);
    assert_eq!(target.kind, "lab");
}
