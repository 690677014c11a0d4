//! The container's command: an ordinary program of its root file system. A process is it by the content of the file that it
//! executes, since a root file system may be copied.

use crate::decoy::Decoy;
use crate::trial::observe;
use nix::fcntl::{OFlag, OpenHow, ResolveFlag, openat2};
use nix::unistd::Pid;
use std::fs::{self, File};
use std::io::{self, Read};
use std::os::unix::fs::FileExt;
use std::path::Path;

/// Where the command lies: an ordinary program that copies its input to its output.
pub const COMMAND: &str = "/bin/cat";

/// Its words.
pub const WORDS: [&str; 2] = [COMMAND, "-"];

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
        WORDS.map(str::to_owned)
    }

    /// Whether a process executes it in a root directory of its own, and not in the host's.
    pub fn is_command_of(&self, pid: Pid, decoy: &Decoy) -> bool {
        self.is_executed_by(pid) && observe::has_own_root(pid, &decoy.ready) == Some(true)
    }

    /// Whether a process executes it.
    pub fn is_executed_by(&self, pid: Pid) -> bool {
        let Ok(file) = File::open(format!("/proc/{pid}/exe")) else { return false };
        if !file.metadata().is_ok_and(|it| it.len() == self.content.len() as u64) {
            return false;
        }
        let mut content = vec![0; self.content.len()];
        file.read_exact_at(&mut content, 0).is_ok() && content == self.content
    }
}
