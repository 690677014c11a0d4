//! Which process of a decoy is the container's command: by the content of the file that it executes, since a root file
//! system may be copied, and by what it does, which is to wait for its input.

use super::no_witness::NoWitness;
use crate::decoy::Decoy;
use crate::proc;
use crate::random::random_word;
use crate::trial::observe;
use crate::trial::session::Session;
use anyhow::{Result, bail};
use nix::fcntl::{OFlag, OpenHow, ResolveFlag, openat2};
use nix::libc;
use nix::unistd::Pid;
use std::fs::{self, File};
use std::io::{self, Read};
use std::os::unix::fs::FileExt;
use std::path::Path;
use std::time::{Duration, Instant};

/// Where the command lies: an ordinary program that copies its input to its output.
pub const COMMAND: &str = "/bin/cat";

/// The command as it is started: one of the root file system, and on the bare decoy host the machine's.
pub struct Command {
    content: Vec<u8>,
}

impl Command {
    /// That of a root file system, in which no link leads out.
    ///
    /// # Errors
    /// Those of reading it.
    pub fn of_rootfs(rootfs: &Path) -> io::Result<Command> {
        let directory = File::open(rootfs)?;
        let how =
            OpenHow::new().flags(OFlag::O_RDONLY | OFlag::O_CLOEXEC).resolve(ResolveFlag::RESOLVE_IN_ROOT);
        let mut content = Vec::new();
        File::from(openat2(&directory, COMMAND, how)?).read_to_end(&mut content)?;
        Ok(Command { content })
    }

    /// That of the machine, which a decoy host has at the same path.
    ///
    /// # Errors
    /// Those of reading it.
    pub fn of_machine() -> io::Result<Command> {
        Ok(Command { content: fs::read(COMMAND)? })
    }

    /// Its words for the program that starts it.
    pub fn words(&self) -> [String; 2] {
        [COMMAND, "-"].map(str::to_owned)
    }

    /// Whether a process executes it in a root directory of its own, and not in the host's.
    pub fn is_command_of(&self, pid: Pid, decoy: &Decoy) -> bool {
        self.is_executed_by(pid) && observe::has_own_root(pid, &decoy.ready) == Some(true)
    }

    /// Whether a process executes it.
    fn is_executed_by(&self, pid: Pid) -> bool {
        let Ok(file) = File::open(format!("/proc/{pid}/exe")) else { return false };
        if !file.metadata().is_ok_and(|it| it.len() == self.content.len() as u64) {
            return false;
        }
        let mut content = vec![0; self.content.len()];
        file.read_exact_at(&mut content, 0).is_ok() && content == self.content
    }
}

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
fn asked(decoy: &Decoy, command: &Command, since: &mut Option<Instant>) -> Option<Vec<Pid>> {
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
