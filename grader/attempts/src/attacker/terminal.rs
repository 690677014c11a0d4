//! The caller's terminal, as far as the attacker has it.

use super::{Argument, Attacker, Failed, unless_refused};
use nix::libc::{self, c_int};
use nix::sys::stat::makedev;

/// `/dev/tty`: Documentation/admin-guide/devices.txt.
const TTY: libc::dev_t = makedev(5, 0);

impl Attacker<'_> {
    /// A descriptor of the caller's terminal, and of no other: one that the attacker has, as the host finds, or its
    /// controlling terminal, or one that it takes from its parent. Where it can have none, one of its root directory, so
    /// that it is refused.
    ///
    /// # Errors
    /// Here and below: see [`Hand::call`](super::Hand::call).
    pub fn terminal(&mut self) -> Result<c_int, Failed> {
        if let Ok(descriptor) = self.given("terminal").parse() {
            return Ok(descriptor);
        }
        match self.controlling_terminal() {
            Ok(Some(descriptor)) => return Ok(descriptor),
            Ok(None) | Err(Failed::Refused(_)) => {}
            Err(other) => return Err(other),
        }
        match self.terminal_of_parent() {
            Ok(Some(descriptor)) => return Ok(descriptor),
            Ok(None) | Err(Failed::Refused(_)) => {}
            Err(other) => return Err(other),
        }
        self.open("/", libc::O_RDONLY)
    }

    /// `/dev/tty`, where that is the caller's terminal; or such a node that it makes itself.
    fn controlling_terminal(&mut self) -> Result<Option<c_int>, Failed> {
        if self.given("terminal-session").is_empty() {
            return Ok(None);
        }
        if let Some(found) = unless_refused(self.open_tty("/dev/tty"))?.flatten() {
            return Ok(Some(found));
        }
        let directory = self.directory()?;
        if self.is_on_devtmpfs(&directory)? {
            return Ok(None);
        }
        let path = format!("{}/tty", directory.trim_end_matches('/'));
        unless_refused(self.mknod(&path, libc::S_IFCHR | 0o600, TTY))?;
        self.open_tty(&path)
    }

    fn open_tty(&mut self, path: &str) -> Result<Option<c_int>, Failed> {
        let found = self.look(path)?;
        // Whoever opens this device gets its own (tty(4)); another one may be a console of the machine's.
        match self.status(found)?.st_rdev == TTY {
            true => self.open(path, libc::O_RDWR).map(Some),
            false => Ok(None),
        }
    }

    /// What a process above it has, where the host has found one that has it.
    fn terminal_of_parent(&mut self) -> Result<Option<c_int>, Failed> {
        let Some((process, descriptor)) = self.given("terminal-above").split_once(' ') else {
            return Ok(None);
        };
        let (Ok(process), Ok(descriptor)) = (process.parse(), descriptor.parse()) else { return Ok(None) };
        let process = self.pidfd_open(process)?;
        self.pidfd_getfd(process, descriptor).map(Some)
    }

    /// Makes a terminal the controlling terminal of a session of the attacker's own: that of a child, since whoever leads a
    /// session or a group may have another one, and can't leave it.
    pub fn take_terminal(&mut self, terminal: c_int) -> Result<(), Failed> {
        let has_child = match self.child() {
            Ok(child) => self.follow(child).map(|()| true)?,
            Err(Failed::Refused(_)) => false,
            Err(other) => return Err(other),
        };
        let leads = self.setsid();
        if leads.is_err() && !has_child {
            // A child by the last way would lead one.
            unless_refused(self.vfork())?;
        }
        match leads.and_then(|()| self.ioctl(terminal, libc::TIOCSCTTY, 0.into())) {
            // Some may type into any terminal.
            Ok(()) | Err(Failed::Refused(_)) => Ok(()),
            Err(other) => Err(other),
        }
    }

    /// Pushes the attacker's mark into the input of a terminal, as if it had been typed (TIOCSTI, ioctl_tty(2)).
    /// `request` is TIOCSTI, as far as the kernel looks at it.
    pub fn type_mark(&mut self, terminal: c_int, request: u64) -> Result<(), Failed> {
        let line = format!("{}\n", self.mark());
        for byte in line.bytes() {
            self.ioctl(terminal, request, Argument::Bytes(vec![byte]))?;
        }
        Ok(())
    }

    /// ioctl(2).
    pub fn ioctl(&mut self, descriptor: c_int, request: u64, argument: Argument) -> Result<(), Failed> {
        let arguments = [descriptor.into(), Argument::Number(request as i64), argument];
        self.call("ioctl", libc::SYS_ioctl, arguments).map(drop)
    }

    /// Blocks a signal (sigprocmask(2)).
    pub fn block(&mut self, signal: c_int) -> Result<(), Failed> {
        let set = 1_u64 << (signal - 1);
        let set = Argument::Bytes(set.to_ne_bytes().to_vec());
        let arguments = [libc::SIG_BLOCK.into(), set, 0.into(), (size_of::<u64>() as i64).into()];
        self.call("rt_sigprocmask", libc::SYS_rt_sigprocmask, arguments).map(drop)
    }
}
