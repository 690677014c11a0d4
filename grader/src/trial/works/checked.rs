//! The two starts in which most checks are made.

use super::super::attacker::hand::Hand;
use super::super::look::look;
use super::super::observe;
use super::start::{Done, RunningCommand, Starts, facts, make};
use super::{WorksResult, finding, leftovers, other_paths};
use crate::decoy::start::Streams;
use crate::text;
use anyhow::Result;
use attempts::Host;
use attempts::works::Work;

/// The status that the command is asked to exit with: the usual ones, 0, 1 and 255, each in a start of its own, and
/// one that no program has by chance.
const STATUS: i32 = 87;

/// The start with pipes. A second container runs beside it, before it ends.
pub fn with_pipes(starts: &Starts, checks: &[&'static Work], host: &mut Host) -> Result<Vec<WorksResult>> {
    let mut running = starts.start(starts.target, Streams::Pipes, None)?;
    let mut own = facts(starts, &running, host)?;
    observe::companions(running.pid, &mut own.attacker);
    let done = make_all(&mut running, checks, &own).inspect_err(|_| host.attacker = own.attacker.clone())?;
    host.changed.extend(leftovers::changed(starts.decoy, "while the command ran"));
    host.second = Some(other_paths::second(starts, &running, &own.mark, host));
    end(starts, running, 0, done, own, host)
}

/// The start with a terminal, in which every execve(2) is seen.
pub fn watched(starts: &Starts, checks: &[&'static Work], host: &mut Host) -> Result<Vec<WorksResult>> {
    let mut running = starts.start_watched()?;
    let own = facts(starts, &running, host)?;
    let done = make_all(&mut running, checks, &own)?;
    end(starts, running, STATUS, done, own, host)
}

fn make_all(running: &mut RunningCommand, checks: &[&'static Work], own: &Host) -> Result<Vec<Done>> {
    let mut hand = Hand::seize(&mut running.session, running.pid)?;
    // Which check reads it finds it there: the command stands, and does not read it.
    hand.session.write_line(&own.mark);
    // Afterwards it stands where it stood: it would end where it gets no input.
    Ok(make(&mut hand, checks, &own.mark))
}

/// The end of a start, and what is to be seen of it.
fn end(
    starts: &Starts,
    mut running: RunningCommand,
    status: i32,
    done: Vec<Done>,
    mut own: Host,
    host: &mut Host,
) -> Result<Vec<WorksResult>> {
    own.attacker.mountinfo = observe::process(running.pid, &starts.decoy.ready).mountinfo;
    host.starts.push(starts.end(&mut running, status, &own.mark, false)?);
    look(starts.decoy, &running.session, &[], None, &mut own)?;
    own.stderr = running.session.stderr().to_vec();
    own.executed = executed(&running);
    let judge = |(work, result, said)| finding(work, result, &Host { said, ..own.clone() });
    Ok(done.into_iter().map(judge).collect())
}

/// So many are named.
const MAX_NAMES: usize = 5;

/// The programs that were executed beside the target's own and the command. None where the host did not see the command
/// start.
fn executed(running: &RunningCommand) -> Option<Vec<String>> {
    let (seen, command) = (&running.session.executed, running.exe?);
    seen.iter().find(|(file, _)| *file == command)?;
    let names = seen.iter().skip(1).filter(|(file, _)| *file != command).map(|(_, name)| name.clone());
    let names: Vec<String> = names.collect();
    let (first, more) = text::bounded(&names, MAX_NAMES);
    Some(first.iter().cloned().chain(more).collect())
}
