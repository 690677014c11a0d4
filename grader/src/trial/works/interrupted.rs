//! Starts that are not left in peace: in one the command is killed, in one the program gets signals.

use super::leftovers;
use super::start::{RunningCommand, Starts, ask, facts};
use super::{WorksResult, finding};
use crate::decoy::start::Streams;
use anyhow::{Context, Result};
use attempts::Host;
use attempts::host::Ending;
use attempts::works::Work;
use attempts::works::signals::{FORWARDED, SENT};
use nix::sys::signal::{Signal, kill};
use std::time::Duration;

/// How long a program may take to notice that its command has ended.
const TIMEOUT: Duration = Duration::from_secs(5);

/// The start in which the command is killed.
pub fn killed(starts: &Starts, checks: &[&'static Work], host: &Host) -> Result<Vec<WorksResult>> {
    let mut running = starts.start(starts.target, Streams::Pipes, None)?;
    let own = facts(starts, &running, host)?;
    let session = &mut running.session;
    // It waits for a question.
    let _ = kill(running.pid, Signal::SIGKILL);
    session.wait(TIMEOUT)?;
    let own = Host { program: session.program(), stderr: session.stderr().to_vec(), ..own };
    make_an_end(&mut running)?;
    Ok(checks.iter().map(|work| finding(work, Ok(()), &own)).collect())
}

/// The start in which the command leaves children and the program gets signals.
pub fn signals(starts: &Starts, checks: &[&'static Work], host: &Host) -> Result<Vec<WorksResult>> {
    let before = starts.decoy.snapshot(false).context("the host could not be looked at")?;
    let mut running = starts.start(starts.target, Streams::Pipes, None)?;
    let mut own = facts(starts, &running, host)?;
    let mut answered = Vec::new();
    for work in checks {
        let (result, _) = ask(&mut running.session, work, &own.mark, Vec::new())?;
        answered.push((*work, result));
    }
    for (work, result) in answered.iter_mut().filter(|(work, _)| work.id == "signals") {
        for signal in FORWARDED {
            let _ = kill(running.session.pid(), signal);
        }
        if result.is_ok() {
            let sent = vec![(SENT.to_owned(), "yes".to_owned())];
            *result = ask(&mut running.session, work, &own.mark, sent)?.0;
        }
        // What ends the container by its own decision has understood as well. A lab forwards.
        if result.is_err() && !own.is_lab && running.session.is_gone() {
            *result = Ok(());
        }
    }
    starts.end(&mut running, 0, "", true)?;
    own.left_processes = leftovers::processes(starts.decoy, &before);
    make_an_end(&mut running)?;
    Ok(answered.into_iter().map(|(work, result)| finding(work, result, &own)).collect())
}

/// Ends a program that does not end by itself: the next start is not to meet it.
fn make_an_end(running: &mut RunningCommand) -> Result<()> {
    if running.session.program() == Ending::None {
        let _ = kill(running.session.pid(), Signal::SIGKILL);
        running.session.wait(TIMEOUT)?;
    }
    Ok(())
}
