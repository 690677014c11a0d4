//! Which process of a decoy is the container's command: by the content of the file that it executes, since a root file
//! system may be copied, and by what it does, which is to wait for its input.

use super::command::Command;
use super::no_witness::NoWitness;
use crate::decoy::Decoy;
use crate::proc;
use crate::random::random_word;
use crate::trial::observe;
use crate::trial::session::Session;
use anyhow::{Result, bail};
use nix::libc;
use nix::unistd::Pid;
use std::time::{Duration, Instant};

/// Who answers before that may only be slow.
const SLOW: Duration = Duration::from_secs(1);

/// What was written comes back within this time.
const COMES_BACK: Duration = Duration::from_millis(300);

/// Waits until the command of a start is there: the processes that execute it, if at least one of them waits for its
/// input, or was held when it was executed ([`Session::catch`]). None where the program ended before, or time ran out.
///
/// # Errors
/// [`NoWitness::OwnKernel`]; or why the host could not wait.
pub fn find(session: &mut Session, decoy: &Decoy, command: &Command) -> Result<Option<Vec<Pid>>> {
    let mut since = None;
    search(session, decoy, command, |it| match it.caught {
        Some(caught) => {
            let others = executing(decoy, command).into_iter().filter(|pid| *pid != caught);
            Some([caught].into_iter().chain(others).collect())
        }
        None => asked(decoy, command, &mut since),
    })
}

/// Turns the session's loop until something is found. Where that takes long, and nobody executes the command, a word tells
/// whether somebody does what the command does: it is written to the program, and comes back.
///
/// # Errors
/// As for [`find`].
pub fn search<T>(
    session: &mut Session,
    decoy: &Decoy,
    command: &Command,
    mut find: impl FnMut(&Session) -> Option<T>,
) -> Result<Option<T>> {
    let begun = Instant::now();
    let in_time = session.look_for(|it| match find(it) {
        None => (begun.elapsed() > SLOW && it.terminal().is_none()).then_some(None),
        found => Some(found),
    })?;
    if let None | Some(Some(_)) = in_time {
        return Ok(in_time.flatten());
    }
    if executing(decoy, command).is_empty() {
        let word = random_word(16)?;
        session.write_line(&word);
        if session.hears(&word, COMES_BACK)? && executing(decoy, command).is_empty() && !session.over() {
            bail!(NoWitness::OwnKernel);
        }
    }
    session.look_for(find)
}

/// Those that are asked. What is executed in the host's own root directory with other arguments than the command's is a
/// relay of what the command writes, and none of them, if there is another.
pub fn asked(decoy: &Decoy, command: &Command, since: &mut Option<Instant>) -> Option<Vec<Pid>> {
    let found = executing(decoy, command);
    let waits = |found: &[Pid]| found.iter().any(|pid| waits_for_input(*pid));
    if !waits(&found) {
        return None;
    }
    let is_relay = |pid: &Pid| {
        let line = proc::read(pid, "cmdline");
        let arguments = line.split_once('\0').map_or("", |(_, arguments)| arguments);
        arguments != "-\0" && observe::has_own_root(*pid, &decoy.ready) == Some(false)
    };
    let commands: Vec<Pid> = found.iter().copied().filter(|pid| !is_relay(pid)).collect();
    if waits(&commands) {
        return Some(commands);
    }
    (since.get_or_insert_with(Instant::now).elapsed() > OWN_ROOT).then_some(found)
}

fn executing(decoy: &Decoy, command: &Command) -> Vec<Pid> {
    let all = proc::descendants(decoy.pid1());
    all.into_iter().filter(|pid| command.is_executed_by(*pid)).collect()
}

/// So long the host looks for one with a root directory of its own.
const OWN_ROOT: Duration = Duration::from_millis(200);

/// The one process of a decoy that is the command of a start, but for that of another: it executes the command and waits
/// for its input. Another such one may relay what it writes, in the host's own root directory. `since` is when the
/// first of them was seen.
pub fn find_one(
    decoy: &Decoy,
    command: &Command,
    other: Option<Pid>,
    since: &mut Option<Instant>,
) -> Option<Pid> {
    let mut found = executing(decoy, command);
    found.retain(|pid| Some(*pid) != other && waits_for_input(*pid));
    let first = *found.first()?;
    let begun = *since.get_or_insert_with(Instant::now);
    let has_own_root = |pid: &Pid| observe::has_own_root(*pid, &decoy.ready) == Some(true);
    found.into_iter().find(has_own_root).or((begun.elapsed() > OWN_ROOT).then_some(first))
}

/// Whether a process is in a read(2) of its standard input (`/proc/<pid>/syscall`).
fn waits_for_input(pid: Pid) -> bool {
    proc::read(pid, "syscall").starts_with(&format!("{} 0x0 ", libc::SYS_read))
}
