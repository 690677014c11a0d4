//! A file's first bytes, with openat(2) and pread64(2): calls that the probe makes for nothing else, so that the
//! host can tell the attacker's from its own.

use nix::errno::Errno;
use nix::fcntl::{AT_FDCWD, OFlag, openat};
use nix::sys::stat::Mode;
use nix::sys::uio::pread;
use std::os::fd::AsFd;

/// Reads the first 4096 bytes of a file.
pub fn read(path: &str) -> Result<Vec<u8>, Errno> {
    read_below(AT_FDCWD, path)
}

/// The same of a file below an open directory.
pub fn read_below(directory: impl AsFd, path: &str) -> Result<Vec<u8>, Errno> {
    // A terminal or a pipe in the file's place must not hold the attacker up.
    let flags = OFlag::O_RDONLY | OFlag::O_CLOEXEC | OFlag::O_NONBLOCK | OFlag::O_NOCTTY;
    let file = openat(directory, path, flags, Mode::empty())?;
    let mut bytes = vec![0; 4096];
    let length = pread(&file, &mut bytes, 0)?;
    bytes.truncate(length);
    Ok(bytes)
}
