//! The tools of the embedded rootfs, and why one of them may not be in it.

use super::root::Root;
use nix::errno::Errno;
use std::fmt;
use std::path::{Path, PathBuf};

/// The programs that the rootfs has where the machine has them, beside the shell. No more than these: the rootfs
/// is copied into memory for each trial.
#[rustfmt::skip]
pub const TOOLS: &[&str] = &[
    "cat", "ls", "cp", "mv", "rm", "mkdir", "rmdir", "ln", "echo", "printf", "true", "false", "test", "sleep", "id",
    "env", "pwd", "head", "tail", "wc", "tr", "sort", "uniq", "cut", "grep", "sed", "touch", "chmod", "chown", "stat",
    "readlink", "dd", "df", "du", "ps", "kill", "hostname", "mount", "umount", "uname", "date", "tty", "mknod", "find",
    "xargs", "seq", "tee", "sync",
];

/// Where programs are looked for; the last one is NixOS's.
const PATH: &[&str] = &["/usr/sbin", "/usr/bin", "/sbin", "/bin", "/run/current-system/sw/bin"];

/// A tool that the rootfs does not have.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LeftOut {
    /// The tool.
    pub name: String,
    /// The reason.
    pub why: LeftOutReason,
}

/// LeftOutReason a tool is not in the embedded rootfs.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum LeftOutReason {
    /// The machine has no such program.
    Absent,
    /// It can't be read; the system's reason.
    Unreadable(Errno),
    /// It is a script, or nothing that can be run.
    NotElf,
    /// A library, or the loader, is not where the loader looks.
    Lacks(String),
    /// It and the libraries that it alone needs are too large; the bytes.
    TooLarge(u64),
}

impl fmt::Display for LeftOutReason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            LeftOutReason::Absent => write!(f, "this machine has none"),
            LeftOutReason::Unreadable(reason) => write!(f, "can't be read: {}", reason.desc()),
            LeftOutReason::NotElf => write!(f, "is no ELF program"),
            LeftOutReason::Lacks(what) => write!(f, "lacks {what}"),
            LeftOutReason::TooLarge(bytes) => write!(f, "costs {} KiB with its libraries", bytes / 1024),
        }
    }
}

/// The first program of this name on the path.
pub(super) fn tool(machine: &Root, name: &str) -> Result<PathBuf, LeftOutReason> {
    let paths = PATH.iter().map(|directory| Path::new(directory).join(name));
    paths.into_iter().find(|path| machine.stat(path).is_ok()).ok_or(LeftOutReason::Absent)
}
