//! Which process of a decoy is the container's command: by the content of the file that it executes, since a root file
//! system may be copied, and by what it does, which is to wait for its input.

use crate::decoy::Decoy;
use crate::proc;
use crate::trial::observe;
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

/// The processes of a decoy that execute the command, if at least one of them waits for its input.
pub fn find(decoy: &Decoy, command: &Command) -> Option<Vec<Pid>> {
    let found = executing(decoy, command);
    found.iter().any(|pid| waits_for_input(*pid)).then_some(found)
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
