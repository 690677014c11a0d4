//! Where a student stands: which steps of a lab are still to be written, which are and hold, and the one to turn
//! to next.
//!
//! It is read from two things. The source says whether there is code between a step's markers; the report says
//! which of the checks fall short that `steps.toml` names for the step. Where the markers are gone, the checks
//! alone decide.

use crate::labs::steps::marker::{self, MarkedStep};
use crate::labs::steps::{Source, Step};
use crate::report::{DecoyKind, TargetReport};
use std::path::PathBuf;

/// One lab.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LabProgress {
    /// The lab.
    pub lab: String,
    /// Its steps in teaching order.
    pub steps: Vec<StepProgress>,
    /// The step to turn to next, as a place in [`LabProgress::steps`]. None where every step holds, or where
    /// what falls short is no step's affair.
    pub at: Option<usize>,
}

/// One step of it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StepProgress {
    /// The step, as the reference has it: its file, line and body are the reference's own.
    pub step: Step,
    /// Where its markers stand in the student's source, with the line counted from 1. None where they don't.
    pub marker: Option<(PathBuf, usize)>,
    /// What can be said of it.
    pub state: StepState,
    /// Its checks that fall short, in the order of `steps.toml`.
    pub red: Vec<String>,
}

/// What can be said of a step.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum StepState {
    /// Still to be written.
    Todo,
    /// Written, and a check falls short that no unwritten step explains.
    Short,
    /// Written, and its checks want this other step as well.
    Waits(String),
    /// Written, and no check of it falls short.
    Passed,
}

impl LabProgress {
    /// Where the author of `source` stands in `lab`. `reference` are the steps as they should be; `report` is of
    /// that lab, in a decoy of the given kind, and None where it does not build.
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
        // Without markers there is no telling: whatever falls short may be for want of it.
        let written: Vec<bool> =
            (0..steps.len()).map(|at| marked(steps[at]).map_or(red[at].is_empty(), has_code)).collect();

        // The first unwritten step that a check of this one wants as well.
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

    /// The step to turn to next.
    pub fn next(&self) -> Option<&StepProgress> {
        self.steps.get(self.at?)
    }

    /// How many steps are written and hold.
    pub fn passed(&self) -> usize {
        self.steps.iter().filter(|place| place.state == StepState::Passed).count()
    }
}

/// What was written and falls short comes before what is not written yet.
fn next(steps: &[StepProgress]) -> Option<usize> {
    let named_once = |check: &String| steps.iter().filter(|place| place.red.contains(check)).count() == 1;
    let short = |place: &StepProgress| place.state == StepState::Short;
    // Of several that could be to blame: one that alone can be, else the one that was written last.
    let alone = steps.iter().position(|place| short(place) && place.red.iter().any(named_once));
    // Who writes a step's code beside its markers, and right, is not kept there.
    let todo = |place: &StepProgress| place.state == StepState::Todo;
    alone
        .or_else(|| steps.iter().rposition(short))
        .or_else(|| steps.iter().position(|place| todo(place) && !place.red.is_empty()))
        .or_else(|| steps.iter().position(todo))
}

/// The steps that stand in the source of a lab. A file with a marker that is wrong has none.
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

/// The checks of a step that fall short. One that the lab is not yet asked for does not: what a user namespace stops
/// in a lab with `--userns` escapes without, as it should. Without a report none is known.
fn red(step: &Step, report: Option<(&TargetReport, DecoyKind)>) -> Vec<String> {
    let Some((report, decoy)) = report else { return Vec::new() };
    let more = if decoy == DecoyKind::User { step.lost_user.as_slice() } else { &[] };
    let is_red = |id: &&String| report.checks.iter().any(|check| check.id == **id && !check.as_expected);
    step.lost.iter().chain(more).filter(is_red).cloned().collect()
}

#[cfg(test)]
mod tests;
