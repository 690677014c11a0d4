//! Starts that are not left in peace: in one the command is killed, in one the program, in one that gets signals.

use super::super::attacker::hand::Hand;
use super::super::observe;
use super::leftovers;
use super::start::{RunningCommand, Starts, facts, make};
use super::{WorksResult, finding};
use crate::decoy::start::Streams;
use anyhow::{Context, Result};
use attempts::Host;
use attempts::host::Ending;
use attempts::works::Work;
use attempts::works::signals::{FORWARDED, missing};
use nix::sys::signal::{Signal, kill};
use std::time::{Duration, Instant};

/// How long a program may take to notice that its command has ended.
const TIMEOUT: Duration = Duration::from_secs(5);

/// How long signals may take to the command.
const FORWARDING: Duration = Duration::from_secs(1);

/// The start in which the command is killed.
pub fn killed(starts: &Starts, checks: &[&'static Work], host: &Host) -> Result<Vec<WorksResult>> {
    let mut running = starts.start(starts.target, Streams::Pipes, None)?;
    let own = facts(starts, &running, host)?;
    let session = &mut running.session;
    // It waits for its input.
    let _ = kill(running.pid, Signal::SIGKILL);
    session.wait(TIMEOUT)?;
    let own = Host { program: session.program(), stderr: session.stderr().to_vec(), ..own };
    make_an_end(&mut running);
    Ok(checks.iter().map(|work| finding(work, Ok(()), &own)).collect())
}

/// The start in which the program is killed.
pub fn lab_killed(starts: &Starts, checks: &[&'static Work], host: &Host) -> Result<Vec<WorksResult>> {
    let before = starts.decoy.snapshot(false).context("the host could not be looked at")?;
    let mut running = starts.start(starts.target, Streams::Pipes, None)?;
    let mut own = facts(starts, &running, host)?;
    // The command waits for its input, and nobody closes that.
    let _ = kill(running.session.pid(), Signal::SIGKILL);
    running.session.wait(TIMEOUT)?;
    let left = leftovers::processes(starts.decoy, &before)?;
    own.left_processes = Some(left);
    if left > 0 {
        // The next start is not to meet it.
        let _ = kill(running.pid, Signal::SIGKILL);
    }
    Ok(checks.iter().map(|work| finding(work, Ok(()), &own)).collect())
}

/// The start in which the command leaves children and the program gets signals.
pub fn signals(starts: &Starts, checks: &[&'static Work], host: &Host) -> Result<Vec<WorksResult>> {
    let before = starts.decoy.snapshot(false).context("the host could not be looked at")?;
    let mut running = starts.start(starts.target, Streams::Pipes, None)?;
    let mut own = facts(starts, &running, host)?;
    let mut hand = Hand::seize(&mut running.session, running.pid)?;
    let done = make(&mut hand, checks, &own.mark);
    if let Some(child) = hand.let_children_go().first() {
        let _ = kill(*child, Signal::SIGKILL);
    }
    for signal in FORWARDED {
        let _ = kill(hand.session.pid(), signal);
    }
    let patience = Instant::now() + FORWARDING;
    // The program that forwards them is another process, and has its turn.
    let came = || missing(&observe::status(running.pid)).is_empty();
    while !came() && !hand.session.deaths.contains_key(&running.pid.as_raw()) && Instant::now() < patience {
        hand.session.look_at(running.pid);
    }
    own.attacker = observe::process(running.pid, &starts.decoy.ready);
    own.program = hand.session.program();
    own.command = hand.session.deaths.get(&running.pid.as_raw()).copied().unwrap_or_default();
    starts.end(&mut running, 0, "", true)?;
    own.left_processes = Some(leftovers::processes(starts.decoy, &before)?);
    make_an_end(&mut running);
    Ok(done.into_iter().map(|(work, result, _)| finding(work, result, &own)).collect())
}

/// Ends a program that does not end by itself: the next start is not to meet it.
fn make_an_end(running: &mut RunningCommand) {
    if running.session.program() == Ending::None {
        running.session.kill();
    }
}
