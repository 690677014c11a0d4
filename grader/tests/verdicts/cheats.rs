//! Programs that cheat, graded together with an honest one: none gets a BLOCKED that it did not earn, and none changes
//! another's verdict. What each rule of the judge is for is the matter of `tests/rules.rs`.

use crate::common::cheats::{CHEATS, Cheat, directory};
use crate::common::programs;
use crate::common::stage::{PATIENCE, Stage, Who, everything_is_asked_for};
use attempts::attempts::{ALL, Attempt};
use grader::report::{Report, Verdict};
use rstest::rstest;
use std::fs;
use std::path::Path;

const HONEST: &str = "lab3-pivot";

/// A trial ends after so many seconds: some use up all.
const LIMIT: &str = "4";

/// So many are graded in one run.
const AT_ONCE: usize = 3;

/// The BLOCKED that a program got and did not earn, with the reasons.
fn unearned(report: &Report, cheat: &Cheat, user: bool) -> Vec<String> {
    let blocked = report.checks().filter(|(target, check)| {
        target.name == cheat.name()
            && check.verdict == Verdict::Blocked
            && Attempt::find(&check.id).is_some_and(|attempt| !cheat.confines(attempt, user))
    });
    blocked.map(|(_, check)| format!("{}: {}: {}", cheat.file, check.id, check.why)).collect()
}

/// Grades some between two honest programs, which must keep all that they had.
fn grade(stage: &Stage, honest: &Path, programs: &[&Path], asked: &[&str], decoy: &str) -> Report {
    let mut grader = stage.grader(["run", "--format", "json", "--decoy", decoy]);
    grader.env("CONTAINER_LABS_TRIAL_LIMIT", LIMIT).args(asked.iter().flat_map(|id| ["--attempt", id]));
    let first = stage.directory("first").join("honest-first");
    fs::copy(honest, &first).unwrap();
    grader.arg(first).args(programs).arg(honest);
    let report = stage.run_within(grader, 8 * PATIENCE).report();
    let checks = |name: &str| -> Vec<_> {
        report.checks().filter(|(target, _)| target.name == name).map(|(_, check)| check.clone()).collect()
    };
    let (first, last) = (checks("honest-first"), checks(HONEST));
    assert!(!last.is_empty() && first.len() == last.len());
    for (first, last) in first.iter().zip(&last) {
        let same = first.id == last.id && first.verdict == last.verdict;
        assert!(same, "an honest program lost or gained something beside {programs:?}: {first:#?} {last:#?}");
    }
    for (target, check) in report.checks().filter(|(target, _)| target.name == HONEST) {
        let as_measured = Attempt::find(&check.id).is_none_or(|attempt| {
            let letters = if decoy == "user" { attempt.letters.user } else { attempt.letters.root };
            letters.as_bytes()[2 + 3] != b'B' || check.verdict == Verdict::Blocked
        });
        assert!(as_measured, "{}: {check:#?}", target.name);
    }
    report
}

#[rstest]
#[case::user("user")]
#[case::root("root")]
fn no_cheat_earns_what_it_did_not_earn(#[case] decoy: &str) {
    let Some(stage) = Stage::new(Who::Root) else { return };
    let Some(lab) = programs::labs().and_then(|labs| labs.into_iter().nth(3)) else { return };
    let all = everything_is_asked_for(match decoy {
        "user" => "cheats against the attempts that they are not about",
        _ => "cheats in root decoys",
    });
    if !all && decoy == "root" {
        return;
    }
    let honest = stage.directory("honest").join(HONEST);
    fs::copy(lab, &honest).unwrap();
    let made: Vec<_> = CHEATS
        .iter()
        .filter_map(|cheat| {
            // A directory of its own goes into the decoy whole.
            Some((cheat, cheat.make(&stage.directory(&format!("cheats/{}", cheat.name())))?))
        })
        .collect();
    let mut unearned_by_all = Vec::new();
    let mut judge = |some: &[&(&Cheat, std::path::PathBuf)], asked: &[&str]| {
        let programs: Vec<_> = some.iter().map(|(_, program)| program.as_path()).collect();
        let report = grade(&stage, &honest, &programs, asked, decoy);
        for (cheat, _) in some {
            unearned_by_all.extend(unearned(&report, cheat, decoy == "user"));
        }
    };
    let ids: Vec<_> = ALL.iter().map(|attempt| attempt.id).collect();
    let (slow, fast): (Vec<_>, Vec<_>) = made.iter().partition(|(cheat, _)| cheat.is_slow() || !all);
    for some in fast.chunks(AT_ONCE) {
        judge(some, &ids);
    }
    // Those that are about the same are graded together.
    let mut abouts: Vec<_> = slow.iter().map(|(cheat, _)| cheat.about).collect();
    abouts.sort_unstable();
    abouts.dedup();
    for about in abouts {
        let some: Vec<_> = slow.iter().copied().filter(|(cheat, _)| cheat.about == about).collect();
        judge(&some, about);
    }
    assert!(unearned_by_all.is_empty(), "{unearned_by_all:#?}");
}

/// The command that has executed itself again, with the rights that this gave it, has other code and other memory than before.
#[test]
fn what_truly_refuses_does_so_after_an_execve() {
    let Some(stage) = Stage::new(Who::Root) else { return };
    let Some(program) = Cheat::of("regains.c").make(&stage.directory("regains")) else { return };
    let mut grader = stage.grader(["run", "--format", "json", "--decoy", "user", "--attempt", "mount"]);
    grader.arg(program);
    let report = stage.run(grader).report();
    let (_, mount) = report.checks().next().unwrap();
    assert_eq!(mount.verdict, Verdict::Blocked, "{mount:#?}");
}

#[test]
fn every_cheat_is_listed() {
    let mut found: Vec<_> = fs::read_dir(directory())
        .unwrap()
        .map(|entry| entry.unwrap().file_name().into_string().unwrap())
        .filter(|file| file != "page.md" && !file.ends_with(".h"))
        .collect();
    found.sort();
    assert_eq!(found, CHEATS.iter().map(|cheat| cheat.file).collect::<Vec<_>>());
    for id in CHEATS.iter().flat_map(|cheat| cheat.about.iter().chain(cheat.confines)) {
        assert!(Attempt::find(id).is_some(), "no attempt is called {id}");
    }
}
