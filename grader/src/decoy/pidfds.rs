//! Descriptors of processes (pidfd_open(2)).

use anyhow::{Context, Result};
use nix::errno::Errno;
use nix::libc;
use nix::unistd::Pid;
use std::os::fd::{AsRawFd, FromRawFd, OwnedFd};

/// pidfd_open(2).
///
/// # Errors
/// ESRCH: there is no such process.
pub fn open(pid: Pid) -> nix::Result<OwnedFd> {
    // SAFETY: the call takes integers and returns a descriptor, which we own.
    unsafe {
        let fd = Errno::result(libc::syscall(libc::SYS_pidfd_open, pid.as_raw(), 0))?;
        Ok(OwnedFd::from_raw_fd(fd as i32))
    }
}

/// pidfd_getfd(2): a copy of another process's descriptor.
///
/// # Errors
/// EBADF: it has no such descriptor.
pub fn duplicate(pid: Pid, descriptor: i32) -> nix::Result<OwnedFd> {
    let process = open(pid)?;
    // SAFETY: as above.
    unsafe {
        let number = libc::SYS_pidfd_getfd;
        let taken = Errno::result(libc::syscall(number, process.as_raw_fd(), descriptor, 0))?;
        Ok(OwnedFd::from_raw_fd(taken as i32))
    }
}

/// Whether this kernel has both, and nothing refuses them: what a target does could not be seen without them, and it would be
/// blamed for that.
///
/// # Errors
/// The call that is missing or refused.
pub(super) fn check() -> Result<()> {
    open(Pid::this()).context("pidfd_open(2)")?;
    match duplicate(Pid::this(), 0) {
        Ok(_) | Err(Errno::EBADF) => Ok(()),
        Err(errno) => Err(errno).context("pidfd_getfd(2)"),
    }
}
