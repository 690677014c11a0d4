//! The caller's terminal, of which the grader holds both ends, and what an attacker has of it.

use super::observe;
use super::session::Session;
use crate::decoy::pidfds::duplicate;
use crate::proc;
use anyhow::{Context, Result, ensure};
use attempts::host::Terminal;
use nix::errno::Errno;
use nix::libc;
use nix::sys::stat::makedev;
use nix::sys::termios::{self, FlushArg, SetArg, SpecialCharacterIndices, Termios};
use nix::unistd::Pid;
use std::fs;
use std::os::fd::{AsFd, AsRawFd, OwnedFd};
use std::os::unix::fs::{FileTypeExt, MetadataExt};

/// The plain line discipline: include/uapi/linux/tty.h.
const N_TTY: libc::c_int = 0;

/// What an attacker has of the terminal.
pub fn terminal(session: &Session, pid: Pid) -> Terminal {
    if session.terminal().is_none() {
        return Terminal::default();
    }
    let own_session = proc::stat_field(&proc::read(pid, "stat"), 6).and_then(|number| number.parse().ok());
    // SAFETY: an ioctl that writes one int.
    let session_of_terminal = unsafe {
        let mut leader = 0;
        let answer = libc::ioctl(session.master().as_raw_fd(), libc::TIOCGSID, &mut leader);
        (answer == 0).then_some(leader)
    };
    Terminal {
        held: Some(descriptor(session, pid).is_some()),
        in_session: Some(session_of_terminal.is_some() && session_of_terminal == own_session),
    }
}

/// What an attacker may know of it: its descriptor, who above it in its PID namespace has one, and whether it may ask for its
/// controlling terminal.
pub fn hints(session: &Session, pid: Pid, terminal: Terminal) -> Vec<(String, String)> {
    let held = descriptor(session, pid).map(|number| ("terminal", number.to_string()));
    let own = (terminal.in_session == Some(true)).then(|| ("terminal-session", "own".to_owned()));
    let above = above(pid).into_iter().find_map(|holder| {
        let number = descriptor(session, holder)?;
        Some(("terminal-above", format!("{} {number}", proc::nspid(holder).last()?)))
    });
    let all = held.into_iter().chain(own).chain(above);
    all.map(|(name, value)| (name.to_owned(), value)).collect()
}

/// Its parent, the parent of that, and so on, as far as they are in its PID namespace.
fn above(pid: Pid) -> Vec<Pid> {
    let namespace = observe::namespace(pid, "pid");
    let parent = |pid: &Pid| {
        let parent = Pid::from_raw(observe::identity(*pid).parent);
        (namespace.is_some() && observe::namespace(parent, "pid") == namespace).then_some(parent)
    };
    // A chain of ancestors is not longer than this.
    std::iter::successors(parent(&pid), parent).take(64).collect()
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

/// A descriptor of a process that is the terminal.
fn descriptor(session: &Session, pid: Pid) -> Option<i32> {
    let terminal = session.terminal()?;
    let file = terminal.metadata().ok()?;
    let mut numbers = proc::numbers(format!("/proc/{pid}/fd"));
    numbers.sort_unstable();
    let is_it = |number: &i32| {
        // The link leads to the file itself, whatever lies at its path.
        let Ok(found) = fs::metadata(format!("/proc/{pid}/fd/{number}")) else { return false };
        (found.dev(), found.ino()) == (file.dev(), file.ino())
            // Who has opened /dev/tty has another file, of the same terminal.
            || found.file_type().is_char_device()
                && found.rdev() == makedev(5, 0)
                && duplicate(pid, *number).is_ok_and(|other| is_same(terminal, &other))
    };
    numbers.into_iter().find(is_it)
}

/// Whether a change of a terminal's settings shows at another file: a character that has no meaning in its state (termios(3)).
fn is_same(terminal: &fs::File, other: &OwnedFd) -> bool {
    const UNUSED: usize = SpecialCharacterIndices::VDISCARD as usize;
    let Ok(mut settings) = termios::tcgetattr(terminal) else { return false };
    let mut shows = |changed: u8| {
        settings.control_chars[UNUSED] ^= changed;
        let set = termios::tcsetattr(terminal, SetArg::TCSANOW, &settings);
        let seen = termios::tcgetattr(other).map(|it| it.control_chars[UNUSED]);
        set.is_ok() && seen == Ok(settings.control_chars[UNUSED])
    };
    // The second change takes the first back.
    let (first, second) = (shows(0x55), shows(0x55));
    first && second
}
