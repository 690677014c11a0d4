//! One attempt against one target, in a decoy host, as often as it takes.
//!
//! # Layout
//! - [`once`]: one start of the target. [`trial`]: what it is of. [`attack`]: with one process's hand. [`record`]: what of its
//!   calls counts.

mod attack;
mod once;
mod record;
mod trial;

use super::Stage;
use super::attacker::filtered::Filtered;
use super::facts::Facts;
use super::forbidden::forbidden;
use crate::decoy::start::Streams;
use crate::target::{Target, What};
use attempts::Seen;
use attempts::attempts::Attempt;
use attempts::rules::Rule;
use once::{How, run_once};
use std::cell::RefCell;
use std::time::Instant;

/// How a program is started, in turn: with pipes, with a terminal on all three streams, and so that its command is held as
/// soon as it is executed.
const WAYS: [How; 3] = [(Streams::Pipes, false), (Streams::Terminal, false), (Streams::Pipes, true)];

/// So often each is tried, before nothing is said of an attempt: a race that is won one time in four, in whichever way, is
/// lost so often in a row one time in two hundred.
const ROUNDS: usize = 6;

/// How the command of the last target began, where that was not at the first try. It keeps that for its next attempts.
#[derive(Default)]
pub struct KnownWay(RefCell<Option<(Target, Begins)>>);

#[derive(Clone)]
enum Begins {
    So(How),
    /// In no way, as often as was tried, and what its decoy forbids it, if that is why. The next attempts try each way once.
    InNoWay(Option<String>),
}

impl KnownWay {
    fn of(&self, target: &Target) -> Option<Begins> {
        self.0.borrow().as_ref().filter(|(of, _)| of == target).map(|(_, begins)| begins.clone())
    }

    fn remember(&self, target: &Target, begins: Begins) {
        self.0.replace(Some((target.clone(), begins)));
    }
}

/// Runs one attempt against one target. A target whose command never ran is started again: some are races, some demand a
/// terminal, and in some the command gets no input and ends at once.
pub fn attempt(stage: &Stage, target: &Target, attempt: &Attempt) -> Facts {
    let begun = Instant::now();
    let begins = stage.known_way.of(target);
    let (known, rounds) = match begins {
        Some(Begins::So(how)) => (Some(how), ROUNDS),
        Some(Begins::InNoWay(_)) => (None, 1),
        None => (None, ROUNDS),
    };
    let mut how = known.unwrap_or(WAYS[0]);
    let mut filtered = Filtered::default();
    let mut run = |how| run_each_way(stage, target, attempt, how, &mut filtered);
    let mut facts = run(how);
    let once = stage.rules.holds(Rule::TriedOnce);
    let never_ran = |facts: &Facts| {
        facts.not_started.is_some() && !facts.refused
            || facts.distrust.is_some() && facts.tried.is_none() && !(facts.tampered && once)
    };
    // What is known is tried as often as all others together.
    let others = WAYS.into_iter().flat_map(|way| [Some(way), known]).flatten();
    for (at, next) in others.cycle().skip(1).take(WAYS.len() * rounds).enumerate() {
        // One that used up its time is no race, and what went wrong in another way has two more tries.
        let is_race = begun.elapsed() < stage.limit && (at < 2 || facts.distrust.is_none());
        if target.what == What::Bare || !never_ran(&facts) || facts.seen != Seen::Nothing || !is_race {
            break;
        }
        let again = run(next);
        if !never_ran(&again) || again.seen != Seen::Nothing {
            (facts, how) = (again, next);
            stage.known_way.remember(target, Begins::So(how));
        }
    }
    // A busy machine has quiet moments. With other streams the command might not even start.
    for _ in 0..3 {
        if !matches!(facts.seen, Seen::Unclear(_)) {
            break;
        }
        facts = run(how);
    }
    // Who starts no command in any way may have been refused what nobody gets here.
    if known.is_none() && facts.not_started.is_some() && !facts.refused {
        let look =
            || Some(forbidden(stage, target, &stage.decoy(target, attempt.needs).ok()?, attempt.needs));
        facts.forbidden = match begins {
            Some(Begins::InNoWay(forbidden)) => forbidden,
            _ => look().flatten(),
        };
        stage.known_way.remember(target, Begins::InNoWay(facts.forbidden.clone()));
    }
    facts.ms = begun.elapsed().as_secs_f64() * 1000.0;
    facts
}

/// Runs it again for each call for which a filter has killed the attacker, and there leaves that call out: who is dead tries
/// no other way.
fn run_each_way(
    stage: &Stage,
    target: &Target,
    attempt: &Attempt,
    how: How,
    filtered: &mut Filtered,
) -> Facts {
    loop {
        let mut facts = run_once(stage, target, attempt, how, filtered);
        let killed_for = facts.filtered.take().filter(|_| stage.rules.holds(Rule::OtherWays));
        match killed_for {
            Some(call) if !matches!(facts.seen, Seen::Effect(_)) => {
                if !filtered.add(&call) {
                    facts.distrust = Some("its filter kills for another call at each start".into());
                    facts.tampered = true;
                    return facts;
                }
            }
            _ => return facts,
        }
    }
}
