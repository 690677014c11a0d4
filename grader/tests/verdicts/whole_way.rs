//! The whole way of a student: from the starter, the steps put back one at a time as the reference has them, in the
//! order in which they are taught. After each, what is green is what `steps.toml` says, and so are the points.

use crate::common::stage::{Setting, Stage, all_is_asked_for};
use crate::common::variants;
use crate::common::way::{Stop, as_predicted, asked, number, points, predicted, source, steps};
use grader::labs;
use grader::report::{Cause, Check, TargetReport};
use rstest::rstest;
use std::collections::BTreeSet;
use std::fs;
use std::path::PathBuf;
use std::sync::OnceLock;

/// After each step the lab that it belongs to. The labs to come are looked at where a lab begins: nothing of theirs
/// is written until then, and what the labs before gained shows itself there.
fn stops() -> Vec<Stop> {
    let mut stops = vec![Stop { written: 0, lab: 0 }];
    for lab in 1..labs::ALL.len() {
        let first = first_step(lab);
        let own = steps().iter().filter(|step| number(&step.id) == lab).count();
        let begins: Vec<usize> = (0..=first).filter(|at| *at == first || is_begin(*at)).collect();
        stops.extend(begins.into_iter().map(|written| Stop { written, lab }));
        stops.extend((first + 1..=first + own).map(|written| Stop { written, lab }));
    }
    stops
}

/// How many steps are written before a lab's first one.
fn first_step(lab: usize) -> usize {
    steps().iter().position(|step| number(&step.id) == lab).unwrap_or(0)
}

/// Whether a lab's first step is the next.
fn is_begin(written: usize) -> bool {
    written == 0 || steps().get(written).is_some_and(|step| step.id.lab != steps()[written - 1].id.lab)
}

/// The program of every stop, built once for all settings.
fn programs() -> Option<&'static [(Stop, PathBuf)]> {
    static PROGRAMS: OnceLock<Option<Vec<(Stop, PathBuf)>>> = OnceLock::new();
    let build = || {
        let stops = stops();
        let programs = variants::build(&stops, |stop| (source(stop.written), labs::ALL[stop.lab]))?;
        let mut done: Vec<_> = stops.into_iter().zip(programs).collect();
        done.sort_by_key(|(stop, _)| (stop.lab, stop.written));
        Some(done)
    };
    PROGRAMS.get_or_init(build).as_deref()
}

fn green(check: &Check) -> bool {
    check.is_green()
}

fn judged(check: &Check) -> bool {
    check.cause != Some(Cause::Machine)
}

#[rstest]
fn each_step_gives_what_is_written_down_for_it(
    #[values(Setting::RootInRoot, Setting::RootInUser, Setting::UserInUser)] setting: Setting,
) {
    let is_own = setting != Setting::RootInUser && !setting.who().is_another();
    if !is_own && !all_is_asked_for("decoys of another kind or person") {
        return;
    }
    let Some(stage) = Stage::new(setting.who()) else { return };
    let Some(programs) = programs() else { return };
    let user = setting != Setting::RootInRoot;
    let mut faults = Vec::new();
    for lab in 0..labs::ALL.len() {
        let stops: Vec<_> = programs.iter().filter(|(stop, _)| stop.lab == lab).collect();
        let mut before: BTreeSet<String> = BTreeSet::new();
        for ((stop, _), report) in stops.iter().zip(grade_all(&stage, setting, lab, &stops)) {
            let step = stop.written.checked_sub(1).map_or("nothing".into(), |at| steps()[at].id.to_string());
            let place = format!("{} after {step}", labs::ALL[lab]);
            let checks = report.checks;
            let mut expected = Vec::new();
            for check in &checks {
                let wanted = predicted(&check.id, stop, user);
                if judged(check) && green(check) != wanted {
                    faults.push(format!("{place}: {} is {}: {}", check.id, check.verdict, check.why));
                }
                if green(check) {
                    before.insert(check.id.clone());
                } else if before.remove(&check.id) {
                    faults.push(format!("{place}: {} was green", check.id));
                }
                expected.push(if judged(check) { as_predicted(check, wanted) } else { check.clone() });
            }
            let (earned, most) = points(lab, checks);
            let predicted = points(lab, expected);
            if (earned, most) != predicted {
                faults.push(format!("{place}: {earned} of {most} points, not {predicted:?}"));
            }
            if stop.written == 0 && earned != 0.0 {
                faults.push(format!("{place}: {earned} points"));
            }
            if stop.written == steps().len() && earned != most {
                faults.push(format!("{place}: {earned} of {most} points at the end of the way"));
            }
        }
    }
    assert!(faults.is_empty(), "{}", faults.join("\n"));
}

/// Grades the programs of a lab's stops. Until its first step and at its last one it is asked for everything, in between
/// for what its own steps bring: what an earlier lab's steps have brought is seen at both ends.
fn grade_all(stage: &Stage, setting: Setting, lab: usize, stops: &[&(Stop, PathBuf)]) -> Vec<TargetReport> {
    let all: Vec<&str> = asked(lab).collect();
    let own = stops.iter().filter(|(stop, _)| stop.written > first_step(lab)).count();
    if own < 2 || all_is_asked_for("what other steps bring") {
        return grade(stage, setting, lab, stops, &all);
    }
    let (begins, own) = stops.split_at(stops.len() - own);
    let (end, between) = own.split_last().unwrap();
    let user = setting != Setting::RootInRoot;
    let begin = &begins[begins.len() - 1].0;
    let changes = |check: &&str| {
        own.iter().any(|(stop, _)| predicted(check, stop, user) != predicted(check, begin, user))
    };
    let changing: Vec<&str> = all.iter().copied().filter(changes).collect();
    let mut reports = grade(stage, setting, lab, &[begins, &[*end]].concat(), &all);
    let last = reports.pop();
    reports.extend(grade(stage, setting, lab, between, &changing));
    reports.extend(last);
    reports
}

/// Grades the programs by these checks.
fn grade(
    stage: &Stage,
    setting: Setting,
    lab: usize,
    stops: &[&(Stop, PathBuf)],
    checks: &[&str],
) -> Vec<TargetReport> {
    let mut grader = stage.grader(["run", "--format", "json", "--decoy", setting.decoy()]);
    grader.args(checks.iter().flat_map(|check| ["--attempt", check]));
    for (stop, program) in stops {
        // Each in a directory of its own: what lies beside a program goes with it into the decoy.
        let directory = stage.directory(&format!("{}-{}", labs::ALL[lab], stop.written));
        let to = directory.join("program");
        fs::copy(program, &to).unwrap();
        grader.arg(to);
    }
    stage.run(grader).report().targets
}
