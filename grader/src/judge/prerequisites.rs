//! Prerequisites: which checks depend on which others, and which check to fix first.
//!
//! Each check names its prerequisites (`after` in its file); `starts` is a prerequisite of all. Where one does not
//! pass, the checks that depend on it *wait*: they keep their weight, earn nothing, and are not reported as the check
//! to fix.

use super::points::Rubric;
use super::severity;
use super::verdict::Outcome;
use crate::labs::steps;
use crate::report::{Cause, Check, FixFirst, Verdict};
use attempts::attempts::{ALL as ATTEMPTS, Attempt};
use attempts::works::{ALL as WORKS, Work};

/// The prerequisite of every other check.
const STARTS: &str = "starts";

/// The prerequisites of a check, by its name.
fn after(id: &str) -> impl Iterator<Item = &'static str> {
    let named = Work::find(id).map(|work| work.after).or(Attempt::find(id).map(|attempt| attempt.after));
    (id != STARTS).then_some(STARTS).into_iter().chain(named.unwrap_or_default().iter().copied())
}

/// The length of the longest chain of prerequisites. A test ensures that there is no cycle.
fn depth(id: &str) -> usize {
    after(id).map(|before| depth(before) + 1).max().unwrap_or(0)
}

/// Marks the checks of one target as waiting where a prerequisite does not pass. ESCAPED stays: the host saw the
/// effect, whatever the prerequisite. So do checks that pass, and those that can't be judged on this machine.
pub fn mark_waiting(checks: &mut [Check]) {
    let mut order: Vec<usize> = (0..checks.len()).collect();
    order.sort_by_key(|at| depth(&checks[*at].id));
    for at in order {
        let roots = roots(checks, &checks[at].id);
        let check = &mut checks[at];
        let says_nothing =
            check.cause == Some(Cause::Target) || matches!(check.verdict, Verdict::Blocked | Verdict::Fails);
        if !roots.is_empty() && says_nothing {
            wait_for(check, roots);
        }
    }
}

/// Makes a check wait for these: its own verdict says nothing without them.
pub fn wait_for(check: &mut Check, roots: Vec<String>) {
    let why = format!("a prerequisite does not pass: {}", roots.join(", "));
    let waiting = Outcome::Inconclusive(Cause::Waiting, why).check(&check.id, check.kind, check.expected);
    let alone = format!("judged alone it was {}: {}", check.verdict, check.why);
    let mut evidence = std::mem::take(&mut check.evidence);
    evidence.push(alone);
    *check = Check { waiting_for: roots, evidence, ms: check.ms, ..waiting };
}

/// The prerequisites of a check, direct and indirect, that do not pass and wait for nothing themselves. A check that
/// was not run is not one of them.
fn roots(checks: &[Check], id: &str) -> Vec<String> {
    let mut roots = Vec::new();
    for before in after(id) {
        let Some(check) = checks.iter().find(|check| check.id == before) else { continue };
        let found = match check {
            check if check.as_expected => continue,
            check if check.waits() => check.waiting_for.clone(),
            check => vec![check.id.clone()],
        };
        roots.extend(found);
    }
    // One may be reached along several paths.
    let mut seen = std::collections::BTreeSet::new();
    roots.retain(|root| seen.insert(root.clone()));
    roots
}

/// The check to fix first, of those that do not pass and wait for no other. Of a lab: works checks before attempts, then the
/// lowest lab, then checks with a verdict, then teaching order; and the steps. Of any other program: the worst, and what is
/// missing.
pub fn fix_first(checks: &[Check], lab: Option<usize>) -> Option<FixFirst> {
    let short = checks.iter().filter(|check| !check.as_expected && roots(checks, &check.id).is_empty());
    let Some(lab) = lab else {
        let rubric = Rubric::standard();
        let check = short.min_by_key(|check| severity::place(check, &rubric))?;
        let missing = severity::missing(check).map_or(String::new(), |missing| format!("; {missing}"));
        let why = format!("{}{missing}", check.why);
        return Some(FixFirst { id: check.id.clone(), why, steps: Vec::new() });
    };
    let check = short.min_by_key(|check| {
        let (is_attempt, lab, at) = turn(&check.id);
        (is_attempt, lab, check.verdict == Verdict::Inconclusive, at)
    })?;
    Some(FixFirst { id: check.id.clone(), why: check.why.clone(), steps: steps_of(&check.id, lab) })
}

/// The sort key: works check or attempt, lab, place in teaching order.
fn turn(id: &str) -> (bool, usize, usize) {
    let works = WORKS.iter().position(|work| work.id == id).map(|at| (false, WORKS[at].first_lab, at));
    let attempt =
        || ATTEMPTS.iter().position(|it| it.id == id).map(|at| (true, ATTEMPTS[at].first_lab(), at));
    works.or_else(attempt).unwrap_or((true, usize::MAX, 0))
}

/// The steps that a check tests: those of this lab, else those of the first lab that requires the check.
fn steps_of(id: &str, lab: usize) -> Vec<String> {
    let steps = steps::losing(id);
    let of = |number: usize| -> Vec<String> {
        let prefix = format!("lab{number}-");
        steps.iter().filter(|step| step.lab.starts_with(&prefix)).map(ToString::to_string).collect()
    };
    let own = of(lab);
    if own.is_empty() { of(turn(id).1) } else { own }
}

#[cfg(test)]
mod tests;
