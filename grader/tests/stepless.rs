//! A lab without any of its steps is what a student starts from: every attempt comes to what it came to in the lab
//! before, whatever that lab's checks wait for.
//!
//! Not a test of the usual kind: whoever starts the grader's workers must have one thread, and is itself executed as one.

#[path = "common/mod.rs"]
mod common;

use common::stage::workspace;
use common::variants;
use grader::labs;
use grader::labs::steps::Source;
use grader::report::{Cause, Check, CheckKind, DecoyKind, TargetReport};
use grader::rootfs::{Cache, Root};
use grader::runner::grading::{Run, controls, grade_all};
use grader::runner::workers::Workers;
use grader::target::Target;
use std::path::{Path, PathBuf};
use std::time::Duration;

fn main() {
    grader::runner::workers::process::serve_if_asked();
    // `cargo test` asks which tests there are.
    if std::env::args().any(|word| word == "--list") {
        return;
    }
    if std::env::var_os("CONTAINER_LABS_PROGRAMS").is_some() {
        return println!("skipped: the labs can't be built here");
    }
    let place = tempfile::tempdir().unwrap();
    let labs = programs();
    let rootfs = Cache::at(place.path()).embedded(&Root::machine().unwrap()).unwrap().path;
    for kind in [DecoyKind::Root, DecoyKind::User] {
        match kind {
            DecoyKind::Root if !nix::unistd::geteuid().is_root() => println!("skipped: {kind:?}: needs root"),
            kind => compare(kind, &labs, &rootfs),
        }
    }
}

/// Each lab but the first: its number, the program of the lab before, and its own without its steps.
fn programs() -> Vec<(usize, PathBuf, PathBuf)> {
    let source = Source::read(workspace()).unwrap();
    let starter = |lab: &str| source.without(|id| id.lab == lab).unwrap();
    let numbers: Vec<usize> = (1..labs::ALL.len()).collect();
    let before = variants::build(&numbers, |number| (source.clone(), labs::ALL[number - 1])).unwrap();
    let starters =
        variants::build(&numbers, |number| (starter(labs::ALL[*number]), labs::ALL[*number])).unwrap();
    numbers
        .into_iter()
        .zip(before)
        .zip(starters)
        .map(|((number, before), starter)| (number, before, starter))
        .collect()
}

fn compare(kind: DecoyKind, programs: &[(usize, PathBuf, PathBuf)], rootfs: &Path) {
    let attempts: Vec<_> = attempts::attempts::ALL.iter().collect();
    let mut workers = Workers::start(rootfs, Duration::from_secs(30)).unwrap();
    let controls = controls(&attempts, kind, &mut workers, &mut |_| {}).unwrap();
    let lab = |number: usize, program| Target::lab(number, labs::ALL[number], program, kind);
    let pairs = programs.iter();
    let aims = pairs.flat_map(|(number, before, starter)| [lab(number - 1, before), lab(*number, starter)]);
    let run = Run { targets: aims.collect(), attempts, works: true };
    let reports = grade_all(&[run], &controls, &mut workers, &mut |_| {}).unwrap();
    drop(workers);
    if reports.iter().flat_map(|report| &report.checks).all(|it| it.cause == Some(Cause::Machine)) {
        println!("skipped: no decoy host of the {kind:?} kind can be made: {}", reports[0].checks[0].why);
        return;
    }
    for pair in reports.chunks(2) {
        let (before, starter) = (verdicts(&pair[0]), verdicts(&pair[1]));
        assert!(!before.is_empty());
        for (before, starter) in before.iter().zip(&starter) {
            let told = |check: &Check| (check.id.clone(), check.verdict, check.cause);
            assert_eq!(told(starter), told(before), "{}, {kind:?}: {starter:#?}", pair[1].name);
        }
        // What the lab adds is not there yet, and where to begin is known.
        let first = pair[1].fix_first.as_ref().expect("a lab without its steps falls short");
        println!("{kind:?}: {} begins with {} {:?}", pair[1].name, first.id, first.steps);
    }
}

fn verdicts(report: &TargetReport) -> Vec<&Check> {
    report.checks.iter().filter(|check| check.kind == CheckKind::Attempt).collect()
}
