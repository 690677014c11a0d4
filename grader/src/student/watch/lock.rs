//! One watch a workspace: a lock on its directory. It needs no file, and the kernel releases it however the watch ends.

use nix::errno::Errno;
use nix::fcntl::{Flock, FlockArg};
use std::fs::{self, File};
use std::os::unix::fs::MetadataExt;
use std::path::Path;

/// A lock, released on drop.
#[derive(Debug)]
pub struct Lock {
    /// None on a file system without such locks.
    _held: Option<Flock<File>>,
}

/// Another watch has locked the workspace: its process id, where that is known.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Held(pub Option<i32>);

impl Lock {
    /// Locks the workspace at `root`.
    ///
    /// # Errors
    /// See [`Held`].
    pub fn take(root: &Path) -> Result<Lock, Held> {
        // Without a lock two watches only build twice.
        let Ok(directory) = File::open(root) else { return Ok(Lock { _held: None }) };
        match Flock::lock(directory, FlockArg::LockExclusiveNonblock) {
            Ok(held) => Ok(Lock { _held: Some(held) }),
            Err((_, Errno::EWOULDBLOCK)) => Err(Held(holder(root))),
            Err(_) => Ok(Lock { _held: None }),
        }
    }
}

/// The process that holds the lock, from `/proc/locks` (proc(5)): a line `1: FLOCK  ADVISORY  WRITE 708 08:01:1234 0
/// EOF`.
fn holder(root: &Path) -> Option<i32> {
    let inode = fs::metadata(root).ok()?.ino().to_string();
    let locks = fs::read_to_string("/proc/locks").ok()?;
    locks.lines().find_map(|line| {
        let words: Vec<&str> = line.split_whitespace().collect();
        let is_it = words.get(1) == Some(&"FLOCK") && words.get(5)?.rsplit(':').next()? == inode;
        // A process in another PID namespace has the number 0: no name for it.
        words.get(4)?.parse().ok().filter(|pid| is_it && *pid > 0)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_second_one_is_told_who_holds_it() {
        let directory = tempfile::tempdir().unwrap();
        let first = Lock::take(directory.path()).unwrap();
        assert_eq!(Lock::take(directory.path()).unwrap_err(), Held(Some(std::process::id() as i32)));
        drop(first);
        assert!(Lock::take(directory.path()).is_ok());
    }
}
