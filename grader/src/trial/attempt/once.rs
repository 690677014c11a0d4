//! One attempt whose system calls the host makes, in the registers of the container's own command.
//!
//! The command is started and found; the host seizes it, and stops all others of the decoy. It makes the attack, call by
//! call, and looks at each descriptor itself. Then it looks at what became of the host, and only after that lets anybody go on.

use super::attack::attack_by;
use super::trial::Trial;
use crate::decoy::Decoy;
use crate::decoy::start::{Program, Streams};
use crate::proc;
use crate::target::Target;
use crate::trial::attacker::command::Command;
use crate::trial::attacker::filtered::Filtered;
use crate::trial::attacker::find::{asked as asked_now, find};
use crate::trial::attacker::no_witness::NoWitness;
use crate::trial::facts::Facts;
use crate::trial::group::ContainerGroup;
use crate::trial::not_started::NotStarted;
use crate::trial::requirements::{job, may_serve, missing_requirement, needs_own};
use crate::trial::session::Session;
use crate::trial::{Stage, hostile};
use anyhow::{Context, Result};
use attempts::Seen;
use attempts::attempts::{Attempt, Need};
use attempts::host::Ending;
use attempts::rules::Rule;
use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;
use std::time::{Duration, Instant};

/// So many processes of a program that execute the command are asked. Of one with more there is no verdict: the one that
/// is not asked may be the one that counts.
const COMMANDS: usize = 8;

/// A program whose command has ended ends within this time, if it means to.
const LEAVES: Duration = Duration::from_millis(500);

/// How a program is started: with these streams, and whether the host watches it from its first instruction.
pub type How = (Streams, bool);

/// Runs an attempt once, without the calls for which a filter kills. Where the host watches, it holds the command when that is
/// executed: one that gets no input ends at once.
pub fn run_once(
    stage: &Stage,
    target: &Target,
    attempt: &Attempt,
    how: How,
    filtered: &mut Filtered,
) -> Facts {
    let mut facts = Facts { lacks: missing_requirement(stage, target, attempt), ..Facts::default() };
    if facts.lacks.is_some() {
        return facts;
    }
    let kept = if needs_own(attempt) { None } else { stage.shared.take(target) };
    match kept.map_or_else(|| stage.decoy(target, attempt.needs), Ok) {
        Err(error) => facts.no_decoy = Some(format!("{error:#}")),
        Ok(decoy) => {
            let trial = Trial { stage, target, attempt, decoy: &decoy };
            let error = |error: anyhow::Error| Facts {
                distrust: Some(format!("{error:#}")),
                tampered: error.is::<NoWitness>(),
                ..Facts::default()
            };
            facts = trial.run(how, filtered).unwrap_or_else(error);
            put_away(stage, target, attempt, decoy, &mut facts);
        }
    }
    facts
}

/// Restores the disk, and keeps the decoy for the next attempt if that may have it.
fn put_away(stage: &Stage, target: &Target, attempt: &Attempt, decoy: Decoy, facts: &mut Facts) {
    let restored = stage.disk.as_ref().map_or(Ok(true), |disk| disk.device.restore());
    match restored {
        Ok(true) if may_serve(target, attempt) => stage.shared.keep(target, decoy),
        Ok(true) => {}
        Ok(false) => {
            facts.distrust = Some("another disk was put in the place of the host's".into());
        }
        Err(error) => facts.distrust = Some(format!("{error:#}")),
    }
}

impl Trial<'_> {
    fn run(&self, (streams, watched): How, filtered: &mut Filtered) -> Result<Facts> {
        let Trial { stage, target, attempt, decoy } = self;
        // An attempt at a terminal has one from the start.
        let streams = match attempt.needs {
            needs if needs.contains(&Need::Terminal) => Streams::Terminal,
            needs if needs.contains(&Need::FreeTerminal) => Streams::FreeTerminal,
            _ => streams,
        };
        let (program, command) = stage.ordinary(target, decoy, streams, attempt.needs)?;
        let group = job(stage, decoy, attempt.needs)?;
        let program = Program { watched, ..program };
        let mut session = Session::start_with(decoy, stage, (&program, command), group.as_ref())?;
        let mut facts = Facts::default();
        let mut found = find(&mut session, decoy, command).inspect_err(|_| decoy.end())?;
        if found.is_none() && hostile::link(attempt.needs).is_some() {
            (session, facts.not_started) = hostile::again(stage, target, decoy, &program, session)?;
            facts.refused = facts.not_started.is_some();
            found = find(&mut session, decoy, command)?;
        }
        match found {
            None if facts.refused => {
                let seen = "the program ended before its command began; on the honest image it starts it";
                facts.evidence.push(seen.into());
            }
            None => {
                let NotStarted { why, said } = NotStarted::of(&mut session, stage.limit);
                facts.not_started = Some(why);
                facts.evidence.extend(said.into_iter().map(|line| format!("standard error: {line}")));
            }
            Some(found) => {
                session.filtered = std::mem::take(filtered);
                let asked = self.ask_each(&mut session, group.as_ref(), command, found);
                *filtered = std::mem::take(&mut session.filtered);
                facts = asked?;
                let ended = session.program() != Ending::None && !session.host_is_dead();
                if !(may_serve(target, attempt) && ended) {
                    decoy.end();
                }
            }
        }
        if session.ended_for.is_some() {
            facts.distrust.clone_from(&session.ended_for);
        }
        Ok(facts)
    }

    /// Makes the attack with each process that executes the command, also when it is executed again after the end of the
    /// first. The worst answer counts.
    fn ask_each(
        &self,
        session: &mut Session,
        group: Option<&ContainerGroup>,
        command: &Command,
        mut found: Vec<Pid>,
    ) -> Result<Facts> {
        let rules = self.stage.rules;
        let most = if rules.holds(Rule::EachAsked) { COMMANDS } else { 1 };
        let (mut facts, mut asked) = (Facts::default(), Vec::new());
        let mut too_many = false;
        // Those that were asked, and their children.
        let mut known = found.clone();
        while !found.is_empty() {
            too_many |= found.len() > most - asked.len();
            found.truncate(most - asked.len());
            for pid in found {
                let next = attack_by(self, session, group, pid);
                // Its children are copies of it, and on their way out.
                known.extend(proc::descendants(pid));
                let worse = rules.holds(Rule::WorstCounts) && badness(&next) > badness(&facts);
                let filtered = next.filtered.clone().or(facts.filtered.take());
                if asked.is_empty() || worse {
                    facts = next;
                }
                facts.filtered = filtered;
                asked.push(pid);
            }
            found = end(self.decoy, session, command, &asked, &known)?;
            known.extend(&found);
        }
        if too_many && rules.holds(Rule::EachAsked) && !matches!(facts.seen, Seen::Effect(_)) {
            facts.distrust = Some(format!("the program executed the command more than {COMMANDS} times"));
            facts.tampered = true;
        }
        Ok(facts)
    }
}

/// How little an answer is worth to the program: an effect least, then one of which nothing can be said.
fn badness(facts: &Facts) -> u8 {
    let unclear = facts.distrust.is_some() || facts.unexplained.is_some() || facts.gave_up.is_some();
    match facts.seen {
        Seen::Effect(_) => 2,
        Seen::Unclear(_) => 1,
        Seen::Confined(_) => u8::from(facts.distrust.is_some()),
        Seen::Nothing => u8::from(unclear),
    }
}

/// Ends the commands, and waits for the program's end. Returns those that it has executed in their place: none of those that
/// were `known`.
fn end(
    decoy: &Decoy,
    session: &mut Session,
    command: &Command,
    asked: &[Pid],
    known: &[Pid],
) -> Result<Vec<Pid>> {
    for pid in asked {
        let _ = kill(*pid, Signal::SIGKILL);
    }
    let patience = Instant::now() + LEAVES;
    // A relay of what the command writes is none of them.
    let fresh = || {
        let found = asked_now(decoy, command, &mut None).unwrap_or_default();
        found.into_iter().filter(|pid| !known.contains(pid))
    };
    let later = session.look_for(|it| match it.over() || Instant::now() > patience {
        true => Some(Vec::new()),
        false => Some(fresh().collect()).filter(|found: &Vec<Pid>| !found.is_empty()),
    });
    Ok(later.context("the end of the program")?.unwrap_or_default())
}
