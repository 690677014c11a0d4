//! The test graph: which checks make no sense without which others, and what follows from it.
//!
//! Each check names the checks that it is after (`after` in its file); all are after `starts`. Where one fell short,
//! those that are after it *wait*: they keep their weight, earn nothing, and are not what is to be fixed.

use super::verdict::Outcome;
use crate::labs::steps;
use crate::report::{Cause, Check, FixFirst, Verdict};
use attempts::attempts::{ALL as ATTEMPTS, Attempt};
use attempts::works::{ALL as WORKS, Work};

/// What every other check is after.
const STARTS: &str = "starts";

/// What a check is after, by its name.
fn after(id: &str) -> impl Iterator<Item = &'static str> {
    let named = Work::find(id).map(|work| work.after).or(Attempt::find(id).map(|attempt| attempt.after));
    (id != STARTS).then_some(STARTS).into_iter().chain(named.unwrap_or_default().iter().copied())
}

/// How far a check is from what is after nothing. That the graph has no circle is seen to by a test.
fn depth(id: &str) -> usize {
    after(id).map(|before| depth(before) + 1).max().unwrap_or(0)
}

/// Makes those of one target's checks wait that are after one which fell short. What an attempt was seen to do to
/// the host stays: ESCAPED needs nothing else. So does what works, and what the machine can't judge.
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

/// Makes a check wait for these: whatever it was alone says nothing.
pub fn wait_for(check: &mut Check, roots: Vec<String>) {
    let why = format!("it makes no sense before this holds: {}", roots.join(", "));
    let waiting = Outcome::Inconclusive(Cause::Waiting, why).check(&check.id, check.kind, check.expected);
    let alone = format!("taken alone it was {}: {}", check.verdict, check.why);
    let mut evidence = std::mem::take(&mut check.evidence);
    evidence.push(alone);
    *check = Check { waiting_for: roots, evidence, ms: check.ms, ..waiting };
}

/// What fell short, and waits for nothing itself, of all that a check is after. What was not asked for did not.
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
    // One may be met on several ways.
    let mut seen = std::collections::BTreeSet::new();
    roots.retain(|root| seen.insert(root.clone()));
    roots
}

/// The one check to fix first: of those that fell short and are after no other that did, works checks before
/// attempts, those of the lowest lab first, of these what was judged, and as they are taught. For a lab it names the
/// steps besides.
pub fn fix_first(checks: &[Check], lab: Option<usize>) -> Option<FixFirst> {
    let short = |check: &&Check| !check.as_expected && roots(checks, &check.id).is_empty();
    let check = checks.iter().filter(short).min_by_key(|check| {
        let (is_attempt, lab, at) = turn(&check.id);
        (is_attempt, lab, check.verdict == Verdict::Inconclusive, at)
    })?;
    let steps = lab.map_or(Vec::new(), |lab| steps_of(&check.id, lab));
    Some(FixFirst { id: check.id.clone(), why: check.why.clone(), steps })
}

/// When a check's turn comes.
fn turn(id: &str) -> (bool, usize, usize) {
    let works = WORKS.iter().position(|work| work.id == id).map(|at| (false, WORKS[at].first_lab, at));
    let attempt =
        || ATTEMPTS.iter().position(|it| it.id == id).map(|at| (true, ATTEMPTS[at].first_lab(), at));
    works.or_else(attempt).unwrap_or((true, usize::MAX, 0))
}

/// The steps that a check shows: those of the lab that falls short, else those of the lab that asked for it first.
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
