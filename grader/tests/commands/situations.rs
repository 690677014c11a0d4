//! A verdict depends on the program alone: not on who calls the grader, with what limits, in what state, from where.
//!
//! Each row is a situation. In it two labs must get the verdicts that they get without it, or the line must say what the
//! machine is to blame for, or the grader must refuse and say what helps.
//!
//! # Layout
//! - [`limits`]: resource limits. [`state`]: what a process inherits. [`environment`]: the cache and the current directory.
//! - [`places`]: where the program lies.

mod environment;
mod limits;
mod places;
mod state;

use crate::common::programs;
use crate::common::stage::{Ran, Stage, Who, everything_is_asked_for};
use grader::report::{Cause, Report, Verdict};
use std::collections::BTreeMap;
use std::fs::{self, Permissions};
use std::io;
use std::os::unix::fs::PermissionsExt;
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::OnceLock;

/// What is to come of a situation.
#[derive(Clone, Copy, Debug)]
pub enum Expected {
    /// The same verdicts.
    Same,
    /// The same, but for these checks: the machine is to blame, in these words.
    Machine(&'static [&'static str], &'static str),
    /// The grader refuses, in these words, which name what helps.
    Refused(&'static str),
}

/// Checks that need much of a process: its groups, its ids, descriptors, signals, message queues, a terminal.
const CHECKS: [&str; 8] = [
    "starts",
    "terminal",
    "nothing-left",
    "hostname-set",
    "leaked-descriptor",
    "no-new-privs",
    "posix-mq",
    "signal-process",
];

/// A verdict and its cause, by the names of program and check.
type Verdicts = BTreeMap<(String, String), (Verdict, Option<Cause>)>;

/// A person's stage. None where it can't be had, or is one of another person and not asked for.
fn stage(who: Who) -> Option<Stage> {
    if who.is_another() && !everything_is_asked_for("as another person") {
        return None;
    }
    Stage::new(who)
}

/// The first and the last lab, as programs.
fn labs(stage: &Stage) -> Option<Vec<PathBuf>> {
    let labs = programs::labs()?;
    Some([labs.first()?, labs.last()?].into_iter().map(|lab| copy(stage, "labs", lab)).collect())
}

/// A copy of a program of the test's own, in a folder.
fn copy(stage: &Stage, folder: &str, program: &Path) -> PathBuf {
    let to = stage.directory(folder).join(program.file_name().unwrap());
    fs::copy(program, &to).unwrap();
    fs::set_permissions(&to, Permissions::from_mode(0o755)).unwrap();
    to
}

/// A grader that grades these programs, and its report: standard output may be closed.
fn grader(stage: &Stage, programs: &[PathBuf]) -> (Command, PathBuf) {
    let report = stage.directory("out").join("report.json");
    let mut grader = stage.grader(["run", "--decoy", "user", "--format", "json", "--output"]);
    grader.arg(&report).args(CHECKS.iter().flat_map(|id| ["--attempt", id])).arg("--").args(programs);
    (grader, report)
}

/// Runs it, and reads its report if it has written one.
fn run(stage: &Stage, grader: Command, report: &Path) -> (Ran, Option<Report>) {
    let ran = stage.run(grader);
    let report = fs::read(report).ok().map(|text| serde_json::from_slice(&text).unwrap());
    (ran, report)
}

fn verdicts(report: &Report) -> Verdicts {
    let verdict = |check: &grader::report::Check| (check.verdict, check.cause);
    report.checks().map(|(of, check)| ((of.name.clone(), check.id.clone()), verdict(check))).collect()
}

/// What the labs get in no situation at all.
fn usual(who: Who) -> &'static Verdicts {
    static USUAL: [OnceLock<Verdicts>; 2] = [OnceLock::new(), OnceLock::new()];
    USUAL[who as usize].get_or_init(|| {
        let stage = Stage::new(who).unwrap();
        let (grader, report) = grader(&stage, &labs(&stage).unwrap());
        let (ran, report) = run(&stage, grader, &report);
        verdicts(&report.unwrap_or_else(|| panic!("{ran:?}")))
    })
}

/// Grades the labs in a situation.
#[track_caller]
fn grade(stage: &Stage, name: &str, prepare: impl FnOnce(&mut Command), expected: Expected) {
    let Some(labs) = labs(stage) else { return };
    let (mut grader, report) = grader(stage, &labs);
    prepare(&mut grader);
    let _ = fs::remove_file(&report);
    let (ran, report) = run(stage, grader, &report);
    let said = String::from_utf8_lossy(&ran.0.stderr).into_owned();
    if let Expected::Refused(words) = expected {
        assert!(report.is_none() && said.contains(words) && said.contains("this helps: "), "{name}: {said}");
        return;
    }
    let report = report.unwrap_or_else(|| panic!("{name}: {ran:?}"));
    let found = verdicts(&report);
    for (key, usual) in usual(stage.who) {
        let why = || {
            report.checks().find(|(of, check)| of.name == key.0 && check.id == key.1).unwrap().1.why.clone()
        };
        match expected {
            Expected::Machine(ids, words) if ids.contains(&key.1.as_str()) => {
                assert_eq!(found[key], (Verdict::Inconclusive, Some(Cause::Machine)), "{name}: {key:?}");
                assert!(why().contains(words), "{name}: {key:?}: {}", why());
            }
            _ => assert_eq!(found[key], *usual, "{name}: {key:?}: {}", why()),
        }
    }
}

/// Has something done in the process that becomes the grader: system calls alone.
fn before(grader: &mut Command, deed: impl FnMut() -> io::Result<()> + Send + Sync + 'static) {
    // SAFETY: the rows make system calls, in a child that the program then replaces.
    unsafe { grader.pre_exec(deed) };
}
