use super::*;
use crate::judge::verdict::Outcome;
use crate::labs::Workspace;
use crate::report::{CheckKind, TargetKind, Verdict};
use rstest::rstest;

const LAB: &str = "lab1-namespaces";

/// The labs' source without these steps of lab 1.
fn without(out: &[&str]) -> Source {
    let taken = |id: &crate::labs::steps::StepId| id.lab == LAB && out.contains(&id.name.as_str());
    Workspace::sources().without(taken).unwrap()
}

/// A report of lab 1 in which these checks do not pass.
fn report(red: &[&str]) -> TargetReport {
    let reference = Workspace::sources().steps().unwrap();
    let mut ids: Vec<&String> = reference.iter().flat_map(|step| &step.lost).collect();
    ids.sort();
    ids.dedup();
    let verdict = |id: &str| match red.contains(&id) {
        true => Outcome::Escaped("it came out".into()),
        false => Outcome::Blocked("it was kept in".into()),
    };
    let checks = ids.iter().map(|id| verdict(id).check(id, CheckKind::Attempt, None)).collect();
    TargetReport { checks, ..TargetReport::new(LAB, LAB, TargetKind::Lab) }
}

fn progress(out: &[&str], red: &[&str]) -> LabProgress {
    let reference = Workspace::sources().steps().unwrap();
    LabProgress::of(LAB, &reference, &without(out), Some((&report(red), DecoyKind::Root)))
}

fn state<'a>(progress: &'a LabProgress, step: &str) -> &'a StepState {
    &progress.steps.iter().find(|place| place.step.id.name == step).unwrap().state
}

#[test]
fn who_has_written_all_is_at_no_step() {
    let all = progress(&[], &[]);
    assert_eq!((all.next(), all.passed()), (None, all.steps.len()));
}

#[rstest]
#[case::nothing_written(&["mount-namespace", "private-propagation"], &["mount", "host-umount"], "mount-namespace")]
#[case::one_of_two(&["private-propagation"], &["mount", "host-umount"], "private-propagation")]
#[case::written_and_wrong(&[], &["mount", "host-umount"], "private-propagation")]
#[case::wrong_before_what_is_not_written(&["uts-namespace"], &["hostname-set", "mount", "host-umount"], "private-propagation")]
#[case::green_and_not_between_the_markers(&["mount-namespace", "hostname"], &["hostname-read", "host-name"], "hostname")]
fn the_next_step(#[case] out: &[&str], #[case] red: &[&str], #[case] expected: &str) {
    let progress = progress(out, red);
    assert_eq!(progress.next().map(|place| place.step.id.name.as_str()), Some(expected), "{progress:#?}");
}

#[test]
fn a_step_waits_for_another_one_that_its_checks_want() {
    let progress = progress(&["private-propagation"], &["mount", "host-umount"]);
    assert_eq!(state(&progress, "mount-namespace"), &StepState::Waits("private-propagation".into()));
    assert_eq!(state(&progress, "private-propagation"), &StepState::Todo);
}

#[test]
fn what_is_not_asked_for_yet_is_not_short() {
    let reference = Workspace::sources().steps().unwrap();
    let mut report = report(&["mknod-disk"]);
    let escaped = Outcome::Escaped("it came out".into());
    let check = report.checks.iter_mut().find(|check| check.id == "mknod-disk").unwrap();
    *check = escaped.check("mknod-disk", CheckKind::Attempt, Some(Verdict::Escaped));
    let progress = LabProgress::of(LAB, &reference, &without(&[]), Some((&report, DecoyKind::Root)));
    assert_eq!(state(&progress, "user-namespace"), &StepState::Passed);
}

#[test]
fn a_comment_is_no_code() {
    let todo = |_: &_, _: &_| Some("// TODO: give the container a host name\n\n".to_owned());
    let source = Workspace::sources().replace(todo).unwrap();
    let reference = Workspace::sources().steps().unwrap();
    let progress = LabProgress::of(LAB, &reference, &source, None);
    assert!(progress.steps.iter().all(|place| place.state == StepState::Todo));
    assert_eq!(progress.at, Some(0));
}

#[test]
fn without_markers_the_checks_alone_decide() {
    let unmarked = |(path, text): (&std::path::Path, &str)| {
        let lines =
            text.lines().filter(|line| !line.trim().starts_with("// step:") && line.trim() != "// end step");
        (path.to_owned(), lines.map(|line| format!("{line}\n")).collect())
    };
    let source: Source = Workspace::sources().files().map(unmarked).collect();
    let reference = Workspace::sources().steps().unwrap();
    let place = |red: &[&str]| {
        let progress = LabProgress::of(LAB, &reference, &source, Some((&report(red), DecoyKind::Root)));
        progress.next().map(|place| (place.step.id.name.clone(), place.marker.clone()))
    };
    assert_eq!(place(&[]), None);
    assert_eq!(place(&["mount", "host-umount"]), Some(("mount-namespace".into(), None)));
}
