//! One attempt against one target, in a decoy host.

use super::Stage;
use super::by_hand::run_once;
use super::facts::Facts;
use crate::decoy::start::Streams;
use crate::target::{Target, What};
use attempts::Seen;
use attempts::attempts::Attempt;
use attempts::rules::Rule;
use std::time::Instant;

/// Runs one attempt against one target. A target whose command never ran is started again: some are races, some demand a
/// terminal, and in some the command gets no input and ends at once.
pub fn attempt(stage: &Stage, target: &Target, attempt: &Attempt) -> Facts {
    let begun = Instant::now();
    let mut how = (Streams::Pipes, false);
    let run = |(streams, watched)| run_once(stage, target, attempt, streams, watched);
    let mut facts = run(how);
    let once = stage.rules.holds(Rule::TriedOnce);
    let never_ran = |facts: &Facts| {
        facts.not_started.is_some() && !facts.refused
            || facts.distrust.is_some() && facts.tried.is_none() && !(facts.tampered && once)
    };
    // One that used up its time is no race.
    for next in [(Streams::Terminal, false), (Streams::Pipes, true)] {
        let in_time = begun.elapsed() < stage.limit;
        if target.what == What::Bare || !never_ran(&facts) || facts.seen != Seen::Nothing || !in_time {
            break;
        }
        let again = run(next);
        if !never_ran(&again) || again.seen != Seen::Nothing {
            (facts, how) = (again, next);
        }
    }
    // A busy machine has quiet moments. With other streams the command might not even start.
    for _ in 0..3 {
        if !matches!(facts.seen, Seen::Unclear(_)) {
            break;
        }
        facts = run(how);
    }
    facts.ms = begun.elapsed().as_secs_f64() * 1000.0;
    facts
}
