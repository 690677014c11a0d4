//! `steps.toml`: what the source of a step does not say.

use super::marker::{Broken, MarkedStep, MarkerFault};
use super::{Step, StepId};
use attempts::attempts::{ALL, Attempt};
use serde::Deserialize;
use std::collections::BTreeMap;
use std::ops::Range;
use std::path::PathBuf;
use toml::Spanned;

const TEXT: &str = include_str!("../../../steps.toml");
const FILE: &str = "grader/steps.toml";

/// The one step that works only with an option: as root a lab makes no user namespace by default.
pub const USER_NAMESPACE: &str = "user-namespace";

/// One row. `steps.toml` describes the fields.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct StepRow {
    goal: String,
    missing: String,
    man: Vec<String>,
    hints: [String; 3],
    #[serde(default)]
    lost: Vec<String>,
    #[serde(default)]
    lost_user: Vec<String>,
    #[serde(default)]
    lost_with: BTreeMap<String, Vec<String>>,
    #[serde(default)]
    lost_together: Vec<String>,
}

impl StepRow {
    /// The checks that fail without only this step: the attempts that name it, then those of the row.
    fn lost(&self, id: &StepId) -> Vec<String> {
        let of_attempts = ALL.iter().filter(|attempt| comes_back(attempt, id)).map(|attempt| attempt.id);
        let alone = |check: &&str| !self.lost_together.iter().any(|other| other == check);
        let of_attempts = of_attempts.filter(alone).map(str::to_owned);
        of_attempts.chain(self.lost.iter().cloned()).collect()
    }
}

/// Whether an attempt escapes without this step, if no other step covers for it: the attempt names the step, the step's
/// lab is the first to stop it, and it escapes in the stage before.
fn comes_back(attempt: &Attempt, id: &StepId) -> bool {
    let lab = attempt.first_lab();
    let of_this_lab = id.lab.starts_with(&format!("lab{lab}-"));
    // The stage before lab 0 is the bare host, where every attempt escapes.
    let before = lab.checked_sub(1).map_or(Some('E'), |before| attempt.letter(before, attempt.letters.root));
    of_this_lab && before == Some('E') && attempt.stopped_by.contains(&id.to_string().as_str())
}

/// What a container lacks without this step, written `lab/step`.
pub fn missing(step: &str) -> Option<String> {
    let rows = rows(TEXT).unwrap_or_default();
    rows.into_iter().find(|(id, ..)| id.to_string() == step).map(|(_, _, row)| row.missing)
}

/// The steps without which `check` fails, in the order of the rows, except the step that works only with an option.
pub fn losing(check: &str) -> Vec<StepId> {
    let rows = rows(TEXT).unwrap_or_default();
    let loses = |id: &StepId, row: &StepRow| row.lost(id).iter().any(|lost| lost == check);
    rows.into_iter()
        .filter(|(id, _, row)| loses(id, row) && id.name != USER_NAMESPACE)
        .map(|it| it.0)
        .collect()
}

/// Joins the steps of the source with their rows, in the order of the rows.
pub(super) fn join(found: Vec<(StepId, MarkedStep)>) -> Result<Vec<Step>, Broken> {
    join_with(TEXT, found)
}

fn join_with(text: &str, found: Vec<(StepId, MarkedStep)>) -> Result<Vec<Step>, Broken> {
    let rows = rows(text)?;
    // Faults in the source first: a step whose name differs from its row's is a fault of both.
    if let Some((id, step)) = found.iter().find(|(id, _)| rows.iter().all(|(row, ..)| row != id)) {
        let why = MarkerFault::Unknown(id.to_string());
        return Err(Broken { file: step.file.clone(), line: step.line, why });
    }
    let mut found: BTreeMap<StepId, MarkedStep> = found.into_iter().collect();
    let mut steps = Vec::new();
    for (id, line, row) in rows {
        let Some(MarkedStep { file, line, body, .. }) = found.remove(&id) else {
            return Err(broken(line, MarkerFault::NoMarker(id.to_string())));
        };
        let lost = row.lost(&id);
        let StepRow { goal, man, hints, lost_user, lost_with, lost_together, .. } = row;
        steps.push(Step {
            id,
            file,
            line,
            body,
            goal,
            man,
            hints,
            lost,
            lost_user,
            lost_with,
            lost_together,
        });
    }
    Ok(steps)
}

/// The rows in the order of the file, each with its line.
fn rows(text: &str) -> Result<Vec<(StepId, usize, StepRow)>, Broken> {
    type Labs = BTreeMap<String, BTreeMap<String, Spanned<StepRow>>>;
    let line = |span: Range<usize>| text[..span.start].matches('\n').count() + 1;
    let labs: Labs = toml::from_str(text)
        .map_err(|e| broken(e.span().map_or(1, line), MarkerFault::Table(e.message().to_owned())))?;
    let mut rows: Vec<_> = labs
        .into_iter()
        .flat_map(|(lab, steps)| steps.into_iter().map(move |(name, row)| (lab.clone(), name, row)))
        .collect();
    // A map does not keep the order of the file, so sort by the place in the text.
    rows.sort_by_key(|(_, _, row)| row.span().start);
    let row = |(lab, name, row): (_, _, Spanned<StepRow>)| {
        (StepId { lab, name }, line(row.span()), row.into_inner())
    };
    Ok(rows.into_iter().map(row).collect())
}

fn broken(line: usize, why: MarkerFault) -> Broken {
    Broken { file: PathBuf::from(FILE), line, why }
}

#[cfg(test)]
mod tests;
