//! A sysctl: opened for writing, and written back as it was.

use nix::errno::Errno;
use nix::fcntl::{OFlag, open};
use nix::sys::stat::Mode;
use nix::sys::uio::{pread, pwrite};
use std::os::fd::IntoRawFd;

/// Opens the sysctl for writing and writes the value that it has. The descriptor stays open: the host looks for it.
pub fn write_back(path: &str) -> Result<(), Errno> {
    let file = open(path, OFlag::O_RDWR | OFlag::O_CLOEXEC, Mode::empty())?;
    let mut value = [0; 4096];
    let length = pread(&file, &mut value, 0)?;
    pwrite(&file, &value[..length], 0)?;
    let _ = file.into_raw_fd();
    Ok(())
}
