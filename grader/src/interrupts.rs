//! The signals by which a person ends the grader, for work that must be cleaned up first; and the signals that child
//! processes get back with their default action.

use anyhow::Result;
use nix::sys::signal::{SigHandler, SigSet, Signal, signal};
use nix::sys::signalfd::{SfdFlags, SignalFd};
use nix::unistd::{getpid, gettid};
use std::fmt;
use std::os::unix::process::CommandExt;
use std::process::Command;

/// A run was ended by this signal.
#[derive(Debug)]
pub struct Interrupted(pub Signal);

impl fmt::Display for Interrupted {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "ended by {}", self.0)
    }
}

impl std::error::Error for Interrupted {}

/// Blocks INT, TERM and HUP while this lives, so that they can be taken.
pub struct Interrupts {
    signals: SignalFd,
    old_mask: SigSet,
}

impl Interrupts {
    /// Takes the signals in the main thread, which runs the command; none in other threads.
    ///
    /// # Errors
    /// What the system said.
    pub fn of_main_thread() -> Result<Option<Interrupts>> {
        if gettid() != getpid() {
            return Ok(None);
        }
        let mut signals = SigSet::empty();
        [Signal::SIGINT, Signal::SIGTERM, Signal::SIGHUP].into_iter().for_each(|signal| signals.add(signal));
        let old_mask = SigSet::thread_get_mask()?;
        signals.thread_block()?;
        let signals = SignalFd::with_flags(&signals, SfdFlags::SFD_CLOEXEC | SfdFlags::SFD_NONBLOCK)?;
        Ok(Some(Interrupts { signals, old_mask }))
    }

    /// A pending signal.
    pub fn take(&self) -> Option<Signal> {
        let signal = self.signals.read_signal().ok()??;
        Some(Signal::try_from(signal.ssi_signo as i32).unwrap_or(Signal::SIGTERM))
    }
}

impl Drop for Interrupts {
    fn drop(&mut self) {
        let _ = self.old_mask.thread_set_mask();
    }
}

/// Restores the default action of the signals that the grader ignores: see [`begin`](crate::commands::begin::begin).
pub fn as_by_default(command: &mut Command) {
    // SAFETY: one system call, in a child that the program then replaces.
    unsafe { command.pre_exec(|| Ok(signal(Signal::SIGXFSZ, SigHandler::SigDfl).map(drop)?)) };
}
