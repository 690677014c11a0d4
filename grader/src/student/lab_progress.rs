//! A student's progress in one lab: which steps are still to be written, which are written and pass, and the next one.
//!
//! It has two sources. The source code shows whether there is code between a step's markers; the report shows which of
//! the step's checks in `steps.toml` do not pass. Where the markers are missing, the checks alone decide.

use crate::labs::steps::marker::{self, MarkedStep};
use crate::labs::steps::{Source, Step};
use crate::report::{DecoyKind, TargetReport};
use std::path::PathBuf;

/// The progress in one lab.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LabProgress {
    /// The lab.
    pub lab: String,
    /// Its steps in teaching order.
    pub steps: Vec<StepProgress>,
    /// The index of the next step in [`LabProgress::steps`]. None where every step passes, or where the checks that do
    /// not pass belong to no step.
    pub at: Option<usize>,
}

/// One step of it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StepProgress {
    /// The step of the reference, with the reference's file, line and body.
    pub step: Step,
    /// The place of its markers in the student's source, with the line counted from 1. None where they are missing.
    pub marker: Option<(PathBuf, usize)>,
    /// Its state.
    pub state: StepState,
    /// Its checks that do not pass, in the order of `steps.toml`.
    pub red: Vec<String>,
}

/// The state of a step.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum StepState {
    /// Still to be written.
    Todo,
    /// Written, but a check does not pass, and no unwritten step explains that.
    Short,
    /// Written, but its checks need this other step too.
    Waits(String),
    /// Written, and all its checks pass.
    Passed,
}

impl LabProgress {
    /// Computes the progress in `lab` from `source`. `reference` are the reference steps; `report` is of that lab, in a
    /// decoy of the given kind, and None where it does not build.
    pub fn of(
        lab: &str,
        reference: &[Step],
        source: &Source,
        report: Option<(&TargetReport, DecoyKind)>,
    ) -> LabProgress {
        let found = found(lab, source);
        let steps: Vec<&Step> = reference.iter().filter(|step| step.id.lab == lab).collect();
        let marked = |step: &Step| found.iter().find(|found| found.name == step.id.name);
        let red: Vec<Vec<String>> = steps.iter().map(|step| red(step, report)).collect();
        // Without markers the source does not show it: the step counts as unwritten where one of its checks does not
        // pass.
        let written: Vec<bool> =
            (0..steps.len()).map(|at| marked(steps[at]).map_or(red[at].is_empty(), has_code)).collect();

        // The first unwritten step that this check needs too.
        let wants = |at: usize, check: &String| {
            (0..steps.len())
                .find(|other| *other != at && !written[*other] && red[*other].contains(check))
                .map(|other| steps[other].id.name.clone())
        };
        let state = |at: usize| match written[at] {
            false => StepState::Todo,
            true if red[at].is_empty() => StepState::Passed,
            true => {
                let waits: Option<Vec<String>> = red[at].iter().map(|check| wants(at, check)).collect();
                waits.map_or(StepState::Short, |others| StepState::Waits(others[0].clone()))
            }
        };
        let place = |at: usize| StepProgress {
            step: steps[at].clone(),
            marker: marked(steps[at]).map(|found| (found.file.clone(), found.line)),
            state: state(at),
            red: red[at].clone(),
        };
        let steps: Vec<StepProgress> = (0..steps.len()).map(place).collect();
        let at = next(&steps);
        LabProgress { lab: lab.into(), steps, at }
    }

    /// The next step.
    pub fn next(&self) -> Option<&StepProgress> {
        self.steps.get(self.at?)
    }

    /// How many steps are written and pass.
    pub fn passed(&self) -> usize {
        self.steps.iter().filter(|place| place.state == StepState::Passed).count()
    }
}

/// A step that is written but does not pass comes before an unwritten one.
fn next(steps: &[StepProgress]) -> Option<usize> {
    let named_once = |check: &String| steps.iter().filter(|place| place.red.contains(check)).count() == 1;
    let short = |place: &StepProgress| place.state == StepState::Short;
    // Of several such steps: one with a check that belongs to no other step, else the last one.
    let alone = steps.iter().position(|place| short(place) && place.red.iter().any(named_once));
    // A step whose code works, but stands outside its markers, is skipped.
    let todo = |place: &StepProgress| place.state == StepState::Todo;
    alone
        .or_else(|| steps.iter().rposition(short))
        .or_else(|| steps.iter().position(|place| todo(place) && !place.red.is_empty()))
        .or_else(|| steps.iter().position(todo))
}

/// The marked steps in the source of a lab. A file with a wrong marker has none.
fn found(lab: &str, source: &Source) -> Vec<MarkedStep> {
    let rust = |(path, _): &(&std::path::Path, &str)| {
        path.starts_with(lab) && path.extension().is_some_and(|ending| ending == "rs")
    };
    source
        .files()
        .filter(rust)
        .flat_map(|(path, text)| marker::parse(path, text).unwrap_or_default())
        .collect()
}

/// Whether there is more than comments between the markers.
fn has_code(found: &MarkedStep) -> bool {
    found.body.lines().map(str::trim).any(|line| !line.is_empty() && !line.starts_with("//"))
}

/// The checks of a step that do not pass. A check that the lab need not pass yet is left out: an attempt that a user
/// namespace stops in a lab with `--userns` escapes without it, as expected. Empty without a report.
fn red(step: &Step, report: Option<(&TargetReport, DecoyKind)>) -> Vec<String> {
    let Some((report, decoy)) = report else { return Vec::new() };
    let more = if decoy == DecoyKind::User { step.lost_user.as_slice() } else { &[] };
    let is_red = |id: &&String| report.checks.iter().any(|check| check.id == **id && !check.as_expected);
    step.lost.iter().chain(more).filter(is_red).cloned().collect()
}

#[cfg(test)]
mod tests;
