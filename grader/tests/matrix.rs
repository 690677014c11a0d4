//! The matrix: what each attempt, and each works check, comes to in each of the reference labs.
//!
//! Here BLOCKED where ESCAPED is expected is a failure: the lesson of that lab would be false.

mod common;

use common::machine::has_loop_devices;
use common::programs;
use common::stage::{Stage, Who, check, skip, workspace};
use grader::labs;
use grader::report::{Check, Report};
use rstest::rstest;
use std::env;
use std::sync::OnceLock;

/// Who runs the grader, and in which kind of decoy host the labs are put.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Run {
    RootInRoot,
    RootInUser,
    UserInUser,
}

impl Run {
    /// The report on all labs, made once.
    fn report(self) -> Option<&'static Report> {
        static REPORTS: [OnceLock<Option<Report>>; 3] = [const { OnceLock::new() }; 3];
        let report = REPORTS[self as usize].get_or_init(|| self.grade());
        if report.is_none() {
            skip("the grader could not be run here, see above");
        }
        report.as_ref()
    }

    fn grade(self) -> Option<Report> {
        let who = if self == Run::UserInUser { Who::User } else { Who::Root };
        let stage = Stage::new(who)?;
        let decoy = if self == Run::RootInRoot { "root" } else { "user" };
        let mut grader = stage.grader(["run", "--format", "json", "--decoy", decoy]);
        let by_name = !who.is_another() && env::var_os("CONTAINER_LABS_PROGRAMS").is_none();
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

    /// What keeps this machine from judging an attempt in such a run.
    fn lacks(self, attempt: &str) -> Option<&'static str> {
        match (attempt, self) {
            ("raw-disk", Run::UserInUser) => Some("only root can make one"),
            ("release-agent", Run::RootInUser) => Some("EACCES"),
            ("cgroup-path" | "cgroup-leave", Run::UserInUser) => Some("no control group can be made"),
            ("release-agent", Run::UserInUser) => Some("no named v1 hierarchy can be made"),
            ("fork-bomb" | "memory-hog" | "cpu-hog", Run::UserInUser) => Some("no control group with"),
            ("raw-disk", _) if !has_loop_devices() => Some("no decoy disk"),
            _ => None,
        }
    }
}

/// The attempts, each with its verdicts from lab 0 on: E escaped, B blocked. One list for the table and for
/// the test cases.
macro_rules! matrix {
    ($($attempt:tt $verdicts:tt)*) => {
        const MATRIX: &[(&str, &str)] = &[$(($attempt, $verdicts)),*];

        #[rstest]
        fn an_attempt_is_judged_as_the_lab_deserves(
            #[values(Run::RootInRoot, Run::RootInUser, Run::UserInUser)] run: Run,
            #[values("lab0-chroot", "lab1-namespaces", "lab2-mounts", "lab3-pivot")] lab: &str,
            #[values($($attempt),*)] attempt: &str,
        ) {
            judged(run, lab, attempt);
        }
    };
}

matrix! {
    "reboot"        "EBBB"
    "mount"         "EBBB"
    "raw-disk"      "EEBB"
    "shell-pid"     "EBBB"
    "cgroup-path"   "EBBB"
    "cgroup-leave"  "EBBB"
    "release-agent" "EBBB"
    "fork-bomb"     "EEEE"
    "memory-hog"    "EEEE"
    "cpu-hog"       "EEEE"
}

#[track_caller]
fn judged(run: Run, lab: &str, attempt: &str) {
    let Some(report) = run.report() else { return };
    let Check { verdict, cause, why, evidence, .. } = check(report, lab, attempt);
    if let Some(lacks) = run.lacks(attempt) {
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
    #[values(Run::RootInRoot, Run::RootInUser, Run::UserInUser)] run: Run,
    #[values(0, 1, 2, 3)] lab: usize,
) {
    let Some(report) = run.report() else { return };
    for work in attempts::works::ALL.iter().filter(|work| work.first_lab <= lab) {
        let Check { kind, verdict, why, .. } = check(report, labs::ALL[lab], work.id);
        assert_eq!((kind.as_str(), verdict.as_str()), ("works", "WORKS"), "{}: {why}", work.id);
    }
}

/// A lab is not asked for what a later one adds.
#[rstest]
fn a_lab_is_asked_for_its_own_works_checks(#[values(0, 1, 2, 3)] lab: usize) {
    let Some(report) = Run::RootInRoot.report() else { return };
    let target = &report.targets[lab];
    let asked: Vec<_> =
        target.checks.iter().filter(|it| it.kind == "works").map(|it| it.id.as_str()).collect();
    let own: Vec<_> =
        attempts::works::ALL.iter().filter(|work| work.first_lab <= lab).map(|work| work.id).collect();
    assert_eq!(asked, own);
    assert_eq!(target.kind, "lab");
}
