//! The signals by which a person ends the grader, for work that must be cleaned up first; and what whoever started the
//! grader has made of signals, which no child process is to inherit (execve(2)).

use anyhow::Result;
use nix::libc;
use nix::sys::signal::{SigSet, Signal};
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
        let signals = ending();
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

/// INT, TERM and HUP; not one that was ignored when the grader was started, as by nohup(1), or by a shell that starts it in
/// the background.
pub fn ending() -> SigSet {
    let ends = [Signal::SIGINT, Signal::SIGTERM, Signal::SIGHUP];
    ends.into_iter().filter(|signal| action(*signal as i32) != Some(libc::SIG_IGN)).collect()
}

/// Undoes what the process has inherited: none is blocked, and none ignored, but for those that a person has had ignored
/// so that they neither end nor stop the grader. PIPE and XFSZ are ignored: then write(2) fails and a message can be given,
/// where the process would die without a word.
pub fn begin() {
    let ends = [libc::SIGINT, libc::SIGTERM, libc::SIGHUP, libc::SIGQUIT];
    let stops = [libc::SIGTSTP, libc::SIGTTIN, libc::SIGTTOU];
    ignore_none_but(|signal| ends.contains(&signal) || stops.contains(&signal));
    ignore_failed_writes();
}

/// The same in a process that nobody but the grader ends.
pub fn begin_apart() {
    as_in_a_new_process();
    ignore_failed_writes();
}

/// None is ignored, and none blocked: for a process that executes another program. It makes system calls alone.
pub fn as_in_a_new_process() {
    ignore_none_but(|_| false);
}

/// The same for a command.
pub fn as_by_default(command: &mut Command) {
    // SAFETY: system calls alone, in a child that the program then replaces.
    unsafe {
        command.pre_exec(|| {
            as_in_a_new_process();
            Ok(())
        })
    };
}

fn ignore_failed_writes() {
    for signal in [libc::SIGPIPE, libc::SIGXFSZ] {
        // SAFETY: no handler of ours is installed.
        unsafe { libc::signal(signal, libc::SIG_IGN) };
    }
}

/// Gives each signal that is ignored its default action, but for those that stay so, and empties the mask.
fn ignore_none_but(stays: impl Fn(i32) -> bool) {
    for signal in 1..=libc::SIGRTMAX() {
        if !stays(signal) && action(signal) == Some(libc::SIG_IGN) {
            // SAFETY: no handler of ours is installed.
            unsafe { libc::signal(signal, libc::SIG_DFL) };
        }
    }
    let _ = SigSet::empty().thread_set_mask();
}

/// What happens at a signal. None of two that are the C library's own.
fn action(signal: i32) -> Option<libc::sighandler_t> {
    // SAFETY: a structure of zeros is valid, and sigaction(2) that changes nothing fills it.
    unsafe {
        let mut found: libc::sigaction = std::mem::zeroed();
        (libc::sigaction(signal, std::ptr::null(), &mut found) == 0).then_some(found.sa_sigaction)
    }
}
