//! A file, read with openat(2) and pread64(2): calls that the probe makes for nothing else, so that the host can
//! tell the attacker's from its own.

use super::Inside;
use nix::errno::Errno;
use nix::fcntl::{AT_FDCWD, OFlag, openat};
use nix::sys::stat::Mode;
use nix::sys::uio::pread;
use std::os::fd::{AsFd, OwnedFd};

/// More than this is read of no file: what lies at a path is the container's choice, and may have no end.
const MAX_BYTES: usize = 16 << 20;

/// Reads the first 4096 bytes of a file.
pub fn read(path: &str) -> Result<Vec<u8>, Errno> {
    read_below(AT_FDCWD, path)
}

/// The same of a file below an open directory.
pub fn read_below(directory: impl AsFd, path: &str) -> Result<Vec<u8>, Errno> {
    let file = open(directory, path)?;
    let mut bytes = vec![0; 4096];
    let length = pread(&file, &mut bytes, 0)?;
    bytes.truncate(length);
    Ok(bytes)
}

/// Reads a file and hands out piece by piece what was read, until it ends or `wanted` says false.
pub fn read_on(path: &str, mut wanted: impl FnMut(&[u8]) -> bool) -> Result<(), Errno> {
    let file = open(AT_FDCWD, path)?;
    let mut piece = [0; 16 << 10];
    let mut at = 0;
    while at < MAX_BYTES {
        let length = pread(&file, &mut piece, at as i64)?;
        at += length;
        if length == 0 || !wanted(&piece[..length]) {
            break;
        }
    }
    Ok(())
}

/// Reads a file to its end and hands the host all of it.
pub fn bring_out(me: &mut Inside, path: &str) -> Result<(), Errno> {
    read_on(path, |piece| {
        me.bring_out(piece);
        true
    })
}

fn open(directory: impl AsFd, path: &str) -> Result<OwnedFd, Errno> {
    // A terminal or a pipe in the file's place must not hold the attacker up.
    let flags = OFlag::O_RDONLY | OFlag::O_CLOEXEC | OFlag::O_NONBLOCK | OFlag::O_NOCTTY;
    openat(directory, path, flags, Mode::empty())
}
