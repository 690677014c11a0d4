//! The two starts in which most checks are asked for.

use super::super::look::look;
use super::super::observe;
use super::super::session::Session;
use super::start::{RunningCommand, Starts, ask, facts};
use super::{WorksResult, finding, other_paths};
use crate::decoy::Decoy;
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
    let answers = ask_all(&mut running, checks, &mut own)?;
    host.second = Some(other_paths::second(starts, &mut running, &own.mark, host));
    end(starts, running, 0, answers, own, host)
}

/// The start with a terminal, in which every execve(2) is seen.
pub fn watched(starts: &Starts, checks: &[&'static Work], host: &mut Host) -> Result<Vec<WorksResult>> {
    let mut running = starts.start_watched()?;
    let mut own = facts(starts, &running, host)?;
    let answers = ask_all(&mut running, checks, &mut own)?;
    end(starts, running, STATUS, answers, own, host)
}

/// What a check asked for, and what the command said: its result, and what it brought out.
type Answered = (&'static Work, Result<(), String>, Vec<u8>);

fn ask_all(running: &mut RunningCommand, checks: &[&'static Work], own: &mut Host) -> Result<Vec<Answered>> {
    let mut answered = Vec::new();
    // Whoever is asked for it finds it there.
    running.session.write_line(&own.mark);
    for work in checks {
        let (result, said) = ask(&mut running.session, work, &own.mark, Vec::new())?;
        answered.push((*work, result, said));
    }
    Ok(answered)
}

/// The end of a start, and what is to be seen of it.
fn end(
    starts: &Starts,
    mut running: RunningCommand,
    status: i32,
    answered: Vec<Answered>,
    mut own: Host,
    host: &mut Host,
) -> Result<Vec<WorksResult>> {
    own.attacker.mountinfo = observe::process(running.pid, &starts.decoy.ready).mountinfo;
    host.starts.push(starts.end(&mut running, status, &own.mark, false)?);
    look(starts.decoy, &running.session, &[], None, &mut own)?;
    own.stderr = running.session.stderr().to_vec();
    own.executed = executed(&running.session, starts.decoy);
    let judge = |(work, result, said)| finding(work, result, &Host { said, ..own.clone() });
    Ok(answered.into_iter().map(judge).collect())
}

/// So many are named.
const MAX_NAMES: usize = 5;

/// The programs that were executed between the target's own and the probe. None where the host did not see
/// the probe start.
fn executed(session: &Session, decoy: &Decoy) -> Option<Vec<String>> {
    let seen = &session.executed;
    let probe = decoy.ready.probe;
    seen.iter().find(|(file, _)| *file == probe)?;
    let names = seen.iter().skip(1).filter(|(file, _)| *file != probe).map(|(_, name)| name.clone());
    let names: Vec<String> = names.collect();
    let (first, more) = text::bounded(&names, MAX_NAMES);
    Some(first.iter().cloned().chain(more).collect())
}
