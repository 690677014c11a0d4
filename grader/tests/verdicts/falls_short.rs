//! No check is one that can't fail: for each there is something that falls short of it, and a test that sees it do so.
//! That none is one which always fails is seen in `matrix.rs` and `held.rs`.
//!
//! INCONCLUSIVE shows nothing: of what only ever waits for another check nobody knows whether it can fail.

use crate::common::broken::{ALONE, BROKEN};
use crate::common::stage::{Setting, Stage, skip, workspace};
use crate::common::variants;
use attempts::attempts::ALL as ATTEMPTS;
use attempts::works::ALL as WORKS;
use grader::labs;
use grader::labs::steps::{Source, StepId, USER_NAMESPACE};
use grader::report::{Cause, Report, Verdict};
use rstest::rstest;
use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};
use std::sync::OnceLock;

/// A lab without some of its steps. They are taken out together, and not one by one as `knockout` does: it is not asked
/// here which of them a check is for.
struct Weaker {
    lab: &'static str,
    /// Empty: all of them.
    out: &'static [&'static str],
}

const WEAKER: &[Weaker] = &[
    Weaker { lab: "lab0-chroot", out: &[] },
    Weaker { lab: "lab1-namespaces", out: &[] },
    Weaker { lab: "lab2-mounts", out: &[] },
    // With all of lab 2 out the checks of these wait for the devices.
    Weaker { lab: "lab2-mounts", out: &["pts", "shm", "dev-links", "console"] },
    Weaker { lab: "lab3-pivot", out: &[] },
];

impl Weaker {
    fn is_out(&self, id: &StepId) -> bool {
        id.lab == self.lab && (self.out.is_empty() || self.out.contains(&id.name.as_str()))
    }

    /// The checks that its steps are for, as steps.toml and the attempts have it.
    fn lost(&self) -> BTreeSet<String> {
        let steps = Source::read(workspace()).unwrap().steps().unwrap();
        let out = steps.into_iter().filter(|step| self.is_out(&step.id) && step.id.name != USER_NAMESPACE);
        out.flat_map(|step| step.lost.into_iter().chain(step.lost_user).chain(step.lost_together)).collect()
    }
}

/// The checks that something else than a lab without steps is seen to fall short of.
fn seen_elsewhere() -> BTreeSet<&'static str> {
    // The last lab itself: `matrix.rs` sees that letter.
    let escapes = ATTEMPTS.iter().filter(|it| it.letter(labs::ALL.len() - 1, it.letters.root) == Some('E'));
    let mut seen: BTreeSet<&str> = escapes.map(|attempt| attempt.id).collect();
    // A lab behind something that breaks it, and other programs: `broken.rs` grades each, and sees in all of them
    // that they execute another program.
    seen.extend(BROKEN.iter().flat_map(|(_, _, short)| short.iter().copied()));
    seen.extend(ALONE.map(|(_, short)| short));
    // A launcher that mounts by path and then exchanges the root: `image.rs`. A program that ends at once:
    // `negative.rs`. A lab that is graded as one: `broken.rs`.
    seen.extend(["no-other-program", "image-root-link", "starts", "killed"]);
    seen
}

#[test]
fn every_step_that_is_taken_out_is_there() {
    let steps = Source::read(workspace()).unwrap().steps().unwrap();
    for Weaker { lab, out, .. } in WEAKER {
        let of_the_lab: Vec<&str> =
            steps.iter().filter(|step| step.id.lab == *lab).map(|step| step.id.name.as_str()).collect();
        assert!(!of_the_lab.is_empty(), "{lab}");
        assert!(out.iter().all(|name| of_the_lab.contains(name)), "{lab}: {out:?}");
    }
}

#[rstest]
fn every_check_has_something_that_falls_short_of_it(
    #[values(Setting::RootInRoot, Setting::RootInUser, Setting::UserInUser)] setting: Setting,
) {
    let Some(stage) = Stage::new(setting.who()) else { return };
    let Some(programs) = programs() else { return };
    let (mut short, mut unjudged) = (BTreeSet::new(), BTreeMap::new());
    for (number, (weaker, program)) in WEAKER.iter().zip(programs).enumerate() {
        let report = grade(&stage, setting, number, weaker, program);
        for (_, check) in report.checks() {
            match (check.verdict, check.cause) {
                (Verdict::Escaped | Verdict::Fails, _) => drop(short.insert(check.id.clone())),
                (_, Some(Cause::Machine)) => drop(unjudged.insert(check.id.clone(), check.why.clone())),
                _ => {}
            }
        }
    }
    let elsewhere = seen_elsewhere();
    let all = ATTEMPTS.iter().map(|it| it.id).chain(WORKS.iter().map(|it| it.id));
    let missing: Vec<&str> = all.filter(|id| !elsewhere.contains(id) && !short.contains(*id)).collect();
    let (here, nowhere): (Vec<&str>, Vec<&str>) = missing.iter().partition(|id| unjudged.contains_key(**id));
    for id in here {
        skip(&format!("{id}: {}", unjudged[id]));
    }
    assert!(nowhere.is_empty(), "nothing falls short of {nowhere:?}");
}

/// Grades one of them by those checks alone that it is there for.
fn grade(stage: &Stage, setting: Setting, number: usize, weaker: &Weaker, program: &Path) -> Report {
    // A directory of its own: what lies beside a program goes with it into the decoy.
    let to = stage.directory(&format!("{}-{number}", weaker.lab)).join("program");
    fs::copy(program, &to).unwrap();
    let mut grader = stage.grader(["run", "--format", "json", "--decoy", setting.decoy()]);
    for id in weaker.lost() {
        grader.arg("--check").arg(id);
    }
    grader.arg(to);
    stage.run(grader).report()
}

/// The programs, built once for all settings. None, and a line that says why, where they can't be built.
fn programs() -> Option<&'static [PathBuf]> {
    static PROGRAMS: OnceLock<Option<Vec<PathBuf>>> = OnceLock::new();
    let build = || {
        let source = Source::read(workspace()).unwrap();
        variants::build(WEAKER, |weaker| (source.without(|id| weaker.is_out(id)).unwrap(), weaker.lab))
    };
    PROGRAMS.get_or_init(build).as_deref()
}
