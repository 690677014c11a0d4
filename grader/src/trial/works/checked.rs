//! The two starts in which most checks are made.

use super::super::attacker::hand::Hand;
use super::super::look::look;
use super::super::observe;
use super::others::Named;
use super::start::{Done, RunningCommand, Starts, facts, make};
use super::{WorksResult, finding, leftovers, other_paths};
use crate::decoy::start::Streams;
use crate::random::random_word;
use anyhow::{Result, ensure};
use attempts::Host;
use attempts::works::Work;
use attempts::works::command::NO_OTHER_PROGRAM;
use attempts::works::streams::TERMINAL;

/// The status that the command is asked to exit with: the usual ones, 0, 1 and 255, each in a start of its own, and
/// one that no program has by chance.
const STATUS: i32 = 87;

/// The start with pipes. A second container runs beside it, before it ends.
pub fn with_pipes(starts: &Starts, checks: &[&'static Work], host: &mut Host) -> Result<Vec<WorksResult>> {
    let mut running = starts.start(starts.target, Streams::Pipes, None)?;
    let mut own = facts(starts, &running, host)?;
    observe::companions(running.pid, &mut own.attacker);
    let done = make_all(&mut running, checks, &own).inspect_err(|_| host.attacker = own.attacker.clone())?;
    let (changed, empty) = leftovers::changed(starts.decoy, "while the command ran");
    host.changed.get_or_insert_default().extend(changed);
    host.empty_directories = empty;
    host.later_mount = Some(later_mount(starts, &running));
    host.second = Some(other_paths::second(starts, &running, &own.mark, host));
    end(starts, running, 0, done, own, host)
}

/// The start with a terminal, in which every execve(2) is seen. Where there is none with a terminal, the host looks at one
/// without for what has nothing to do with that.
pub fn watched(starts: &Starts, checks: &[&'static Work], host: &mut Host) -> Result<Vec<WorksResult>> {
    let why = match starts.start_watched(Streams::TerminalIn) {
        Ok(running) => return watched_one(starts, running, checks, host),
        Err(error) => format!("with a terminal on standard input: {error:#}"),
    };
    let (others, mut needing): (Vec<&'static Work>, Vec<&'static Work>) =
        checks.iter().partition(|work| work.id == NO_OTHER_PROGRAM.id);
    let mut found: Vec<WorksResult> = Vec::new();
    for work in needing.drain(..) {
        let fails = (work.id == TERMINAL.id).then_some(false);
        found.push(WorksResult { id: work.id.into(), holds: fails, why: why.clone() });
    }
    if starts.may_go_on() && !others.is_empty() {
        let running = starts.start_watched(Streams::Pipes)?;
        found.extend(watched_one(starts, running, &others, host)?);
    }
    Ok(found)
}

fn watched_one(
    starts: &Starts,
    mut running: RunningCommand,
    checks: &[&'static Work],
    host: &mut Host,
) -> Result<Vec<WorksResult>> {
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
    let command = running.exe.unwrap_or_default();
    own.executed = Named::of(starts.target, starts.decoy).others(running.session.executions.list(), command);
    let judge = |(work, result, said)| finding(work, result, &Host { said, ..own.clone() });
    Ok(done.into_iter().map(judge).collect())
}

/// Whether a mount that the host makes now, below the directory, appears inside. It is gone again afterwards.
fn later_mount(starts: &Starts, running: &RunningCommand) -> Result<bool, String> {
    let seen = || -> Result<bool> {
        let name = random_word(16)?;
        starts.decoy.mount_later(&name, true)?;
        let [inside, host] = [running.pid, starts.decoy.pid1()].map(observe::mountinfo);
        starts.decoy.mount_later(&name, false)?;
        ensure!(!inside.is_empty() && host.contains(&name), "it was not to be seen where it was made");
        Ok(inside.contains(&name))
    };
    seen().map_err(|error| format!("the host could not mount a file system below the directory: {error:#}"))
}
