//! One watch a workspace: a lock on its directory. Nothing is written for it, and the kernel takes it away however
//! the watch ends.

use nix::errno::Errno;
use nix::fcntl::{Flock, FlockArg};
use std::fs::{self, File};
use std::os::unix::fs::MetadataExt;
use std::path::Path;

/// Held as long as this lives.
#[derive(Debug)]
pub struct Lock {
    /// None on a file system that has no such locks.
    _held: Option<Flock<File>>,
}

/// Another watch holds the workspace: its process id, where that can be found out.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Held(pub Option<i32>);

impl Lock {
    /// Takes the workspace at `root`.
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

/// Who holds the lock, as proc(5) tells of `/proc/locks`: a line `1: FLOCK  ADVISORY  WRITE 708 08:01:1234 0 EOF`.
fn holder(root: &Path) -> Option<i32> {
    let inode = fs::metadata(root).ok()?.ino().to_string();
    let locks = fs::read_to_string("/proc/locks").ok()?;
    locks.lines().find_map(|line| {
        let words: Vec<&str> = line.split_whitespace().collect();
        let is_it = words.get(1) == Some(&"FLOCK") && words.get(5)?.rsplit(':').next()? == inode;
        // One in another PID namespace has the number 0, and is nobody that could be named.
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
