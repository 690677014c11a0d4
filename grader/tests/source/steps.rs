//! The labs' steps hold what their page in the design promises, whichever of them are out.

use crate::common::stage::workspace;
use crate::common::variants;
use grader::labs::steps::{Source, Step, StepId};
use std::process::Command;
use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;

/// A step is short enough to be one thought.
const MOST_LINES: usize = 15;

fn labs() -> Source {
    Source::read(workspace()).unwrap()
}

/// The steps, each with its row: this call checks that every row has a step, and every step a row.
fn steps() -> Vec<Step> {
    labs().steps().unwrap_or_else(|broken| panic!("{broken}"))
}

#[test]
fn every_row_says_what_a_student_needs() {
    for step in steps() {
        let id = &step.id;
        assert!(!step.goal.trim().is_empty(), "{id}: no goal");
        assert!(!step.man.is_empty(), "{id}: no manual page");
        for page in &step.man {
            let section = page.strip_suffix(')').and_then(|page| page.split_once('('));
            let section = section.and_then(|(_, section)| section.parse::<u8>().ok());
            assert!(
                section.is_some_and(|section| (1..=8).contains(&section)),
                "{id}: {page} is no manual page"
            );
        }
        assert!(step.hints.iter().all(|hint| !hint.trim().is_empty()), "{id}: an empty hint");
        let last = &step.hints[2];
        assert!(!last.contains([';', '{', '=']) && !last.contains("::"), "{id}: the last hint is code");
        assert!(!step.lost.is_empty(), "{id}: no check would miss it");
    }
}

#[test]
fn every_step_is_short() {
    for step in steps() {
        let lines = step.body.lines().map(str::trim);
        let lines = lines.filter(|line| !line.is_empty() && !line.starts_with("//")).count();
        assert!((1..=MOST_LINES).contains(&lines), "{}: {lines} lines", step.id);
    }
}

#[test]
fn every_lab_builds_whole_with_each_step_out_and_with_all_out() {
    let labs = labs();
    let steps = steps();
    let mut variants = Vec::new();
    for lab in labs.labs() {
        variants.push((format!("{lab}, whole"), lab, labs.clone()));
        variants.push((format!("{lab} without its steps"), lab, labs.without(|id| id.lab == lab).unwrap()));
        variants.push((format!("{lab} without any step"), lab, labs.without(|_| true).unwrap()));
    }
    for Step { id, .. } in &steps {
        variants.push((format!("without {id}"), &id.lab, labs.without(|other| other == id).unwrap()));
    }

    let Some(workshop) = variants::workshop() else { return };
    let (next, failures) = (AtomicUsize::new(0), Mutex::new(Vec::new()));
    thread::scope(|scope| {
        for _ in 0..thread::available_parallelism().map_or(2, usize::from) {
            scope.spawn(|| {
                while let Some((what, lab, source)) = variants.get(next.fetch_add(1, Ordering::Relaxed)) {
                    if let Err(error) = workshop.check(source, lab) {
                        failures.lock().unwrap().push(format!("{what}: {error:#}"));
                    }
                }
            });
        }
    });
    let failures = failures.into_inner().unwrap();
    assert!(failures.is_empty(), "{} of {}:\n{}", failures.len(), variants.len(), failures.join("\n\n"));
}

#[test]
fn a_variant_runs() {
    let Some(workshop) = variants::workshop() else { return };
    let (whole, bare) = (labs(), labs().without(|_| true).unwrap());
    for lab in whole.labs() {
        let program = workshop.build(&bare, lab).unwrap();
        assert_eq!(workshop.build(&bare, lab).unwrap(), program, "{lab} was built already");
        assert_ne!(workshop.build(&whole, lab).unwrap(), program, "{lab} with its steps is another program");

        let output = Command::new(program).output().unwrap();
        assert_eq!(output.status.code(), Some(1));
        assert!(output.stderr.starts_with(format!("Usage: {lab} ").as_bytes()), "{output:?}");
    }
}

#[test]
fn what_does_not_compile_is_named_by_file_and_line() {
    let Some(workshop) = variants::workshop() else { return };
    let id: StepId = "lab1-namespaces/hostname".parse().unwrap();
    let labs = labs().replace(|other, _| (*other == id).then(|| "let unused = 1;".to_owned())).unwrap();
    let step = labs.found().unwrap().into_iter().find(|(other, _)| *other == id).unwrap().1;
    let error = workshop.check(&labs, &id.lab).unwrap_err().to_string();
    let place = format!("lab1-namespaces/src/lib.rs:{}:", step.line + 1);
    assert!(error.contains("unused variable") && error.contains(&place), "{error}");
}
