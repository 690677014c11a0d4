use super::*;
use crate::judge::prerequisites;
use crate::judge::verdict::Outcome;
use crate::labs::Workspace;
use crate::labs::steps::Source;
use crate::report::{CheckKind, DecoyKind, TargetKind};
use crate::student::starter;
use attempts::attempts::ALL as ATTEMPTS;

/// A report of a lab in which these of its checks do not pass.
fn report(lab: usize, red: impl Fn(&str) -> bool) -> TargetReport {
    let asked = ATTEMPTS.iter().filter(|attempt| attempt.first_lab() <= lab);
    let check = |id| match red(id) {
        true => Outcome::Escaped("it \u{1b}came out".into()).check(id, CheckKind::Attempt, None),
        false => Outcome::Blocked(String::new()).check(id, CheckKind::Attempt, None),
    };
    let checks: Vec<Check> = asked.map(|attempt| check(attempt.id)).collect();
    let fix_first = prerequisites::fix_first(&checks, Some(lab));
    let name = labs::ALL[lab];
    TargetReport {
        points: 0.5,
        max_points: 1.0,
        fix_first,
        checks,
        ..TargetReport::new(name, name, TargetKind::Lab)
    }
}

fn text(source: &Source, reports: &[TargetReport], first: bool, news: Vec<News>) -> String {
    let reference = Workspace::sources().steps().unwrap();
    let progress = |report: &TargetReport| {
        LabProgress::of(&report.name, &reference, source, Some((report, DecoyKind::Root)))
    };
    let labs = reports.iter().map(|report| (progress(report), report)).collect();
    let mut out = Vec::new();
    write(&Position { labs, news, first }, &mut out).unwrap();
    let text = String::from_utf8(out).unwrap();
    assert!(text.lines().all(|line| line.chars().count() <= WIDTH && !line.contains('\u{1b}')), "{text}");
    text
}

#[test]
fn who_begins_is_told_that_red_is_expected_and_where_to_begin() {
    let reports = [report(0, |_| false), report(1, |_| true), report(2, |_| true)];
    for first in [true, false] {
        let text = text(&starter::source().unwrap(), &reports, first, Vec::new());
        assert!(text.contains("Red is expected"), "{text}");
        assert!(text.contains("Next: mount-namespace in lab1-namespaces/src/lib.rs:"), "{text}");
        assert!(text.contains("\n  Give the container a mount list of its own.\n"), "{text}");
        assert!(text.contains("\n  It stops mount, host-umount\n"), "{text}");
        assert!(text.ends_with(
            "    grader explain lab1-namespaces/mount-namespace\n    grader watch lab1-namespaces\n"
        ));
    }
}

#[test]
fn what_is_written_and_wrong_comes_with_its_reason() {
    let reports = [report(1, |id| id == "hostname-set" || id == "hostname-read")];
    let news =
        vec![News { lab: "lab1-namespaces".into(), won: vec!["mount".into()], lost: vec!["reboot".into()] }];
    let text = text(&Workspace::sources(), &reports, false, news);
    assert!(text.contains("Next: uts-namespace in lab1-namespaces/src/lib.rs:"), "{text}");
    assert!(text.contains("\n  hostname-set: ESCAPED (it \\u{1b}came out)\n"), "{text}");
    assert!(text.contains("\n    grader try hostname-set --in lab1-namespaces\n"), "{text}");
    assert!(text.contains("lab1-namespaces: new: mount\n") && text.contains("no longer: reboot\n"), "{text}");
    assert!(!text.contains("Red is expected"), "{text}");
}

#[test]
fn who_has_done_a_lab_goes_on_and_who_has_done_all_hands_in() {
    let whole = Workspace::sources();
    let one = text(&whole, &[report(1, |_| false)], false, Vec::new());
    assert!(one.contains("Next: lab2-mounts. Every step so far passes."), "{one}");
    let all: Vec<TargetReport> = (0..labs::ALL.len()).map(|lab| report(lab, |_| false)).collect();
    assert!(text(&whole, &all, false, Vec::new()).ends_with("    grader pack\n"));
}

#[test]
fn what_no_step_explains_is_named_as_it_is() {
    let mut report = report(1, |_| false);
    let fails = Outcome::Fails("exit code 7 became 0".into());
    report.checks.push(fails.check("exit-status", CheckKind::Works, None));
    report.fix_first = prerequisites::fix_first(&report.checks, Some(1));
    let text = text(&Workspace::sources(), &[report], false, Vec::new());
    assert!(text.contains("exit-status: FAILS (exit code 7 became 0)"), "{text}");
}
