//! The caller's terminal, of which the grader holds both ends, and what an attacker has of it.

use super::session::Session;
use crate::proc;
use anyhow::{Context, Result, ensure};
use attempts::host::Terminal;
use nix::errno::Errno;
use nix::libc;
use nix::sys::termios::{self, FlushArg, SetArg, Termios};
use nix::unistd::Pid;
use std::fs;
use std::os::fd::{AsFd, AsRawFd};
use std::os::unix::fs::MetadataExt;

/// The plain line discipline: include/uapi/linux/tty.h.
const N_TTY: libc::c_int = 0;

/// What an attacker has of the terminal.
pub fn terminal(session: &Session, pid: Pid) -> Terminal {
    let Some(inode) = inode(session) else { return Terminal::default() };
    let own_session = proc::stat_field(&proc::read(pid, "stat"), 6).and_then(|number| number.parse().ok());
    // SAFETY: an ioctl that writes one int.
    let session_of_terminal = unsafe {
        let mut leader = 0;
        let answer = libc::ioctl(session.master().as_raw_fd(), libc::TIOCGSID, &mut leader);
        (answer == 0).then_some(leader)
    };
    Terminal {
        held: Some(descriptor(pid, inode).is_some()),
        in_session: Some(session_of_terminal.is_some() && session_of_terminal == own_session),
    }
}

/// What an attacker may know of it: its descriptor, whether it may ask for its controlling terminal, and the terminal's
/// device and inode.
pub fn hints(session: &Session, pid: Pid, terminal: Terminal) -> Vec<(String, String)> {
    let Some(inode) = inode(session) else { return Vec::new() };
    let held = descriptor(pid, inode).map(|number| ("terminal", number.to_string()));
    let own = (terminal.in_session == Some(true)).then(|| ("terminal-session", "own".to_owned()));
    let inode = ("terminal-inode", format!("{} {}", inode.0, inode.1));
    held.into_iter().chain(own).chain([inode]).map(|(name, value)| (name.to_owned(), value)).collect()
}

/// Puts the terminal into the state in which it was given, with nothing left to read: a program may have chosen a line
/// discipline that drops what is typed, a character that erases it, or have filled its input.
///
/// # Errors
/// It can't be put so: the terminal was hung up, or its settings were locked.
pub fn restore(session: &Session) -> Result<()> {
    let Some(terminal) = session.terminal() else { return Ok(()) };
    let plain = N_TTY;
    // SAFETY: ioctls that read one int, or nothing.
    unsafe {
        Errno::result(libc::ioctl(terminal.as_raw_fd(), libc::TIOCSETD, &raw const plain))
            .context("its line discipline")?;
        Errno::result(libc::ioctl(terminal.as_raw_fd(), libc::TIOCNXCL)).context("its exclusive mode")?;
    }
    let mut wanted = termios::tcgetattr(terminal)?;
    termios::cfmakeraw(&mut wanted);
    termios::tcsetattr(terminal, SetArg::TCSANOW, &wanted)?;
    let is = termios::tcgetattr(terminal)?;
    let flags = |it: &Termios| (it.input_flags, it.local_flags, it.control_flags);
    ensure!(flags(&is) == flags(&wanted), "its settings are locked");
    termios::tcflush(terminal.as_fd(), FlushArg::TCIFLUSH).context("its input")
}

/// Device and inode of the terminal, where the program has one.
fn inode(session: &Session) -> Option<(u64, u64)> {
    session.terminal()?.metadata().ok().map(|it| (it.dev(), it.ino()))
}

/// A descriptor of a process that is this file.
fn descriptor(pid: Pid, inode: (u64, u64)) -> Option<i32> {
    let mut numbers = proc::numbers(format!("/proc/{pid}/fd"));
    numbers.sort_unstable();
    // The link leads to the file itself, whatever lies at its path.
    let is_it = |number: &i32| {
        fs::metadata(format!("/proc/{pid}/fd/{number}")).is_ok_and(|it| (it.dev(), it.ino()) == inode)
    };
    numbers.into_iter().find(is_it)
}
