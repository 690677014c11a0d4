//! Starts the container's first process, forwards signals to it, and waits for it.
//!
//! The order of things: clone(2) with the namespaces' flags; with a user namespace the parent maps its ids
//! while the child waits; the child makes the container and executes the command. A socket between the two
//! carries a byte one way ("go on, the ids are mapped") and an error the other way. It closes itself when the
//! command is executed: end of file without an error means that the command runs.
//!
//! The command ends with the lab, however that ends: see [`end_with`].

use crate::error::{Error, Result, Step};
use crate::user;
use nix::errno::Errno;
use nix::libc;
use nix::sched::{CloneFlags, clone};
use nix::sys::prctl::set_pdeathsig;
use nix::sys::signal::{SigHandler, SigSet, Signal, kill, signal};
use nix::sys::signalfd::{SfdFlags, SignalFd};
use nix::sys::socket::{MsgFlags, recv};
use nix::sys::wait::waitpid;
use nix::unistd::{Pid, geteuid, getpgid, getpgrp};
use std::convert::Infallible;
use std::fmt;
use std::io::{Read, Write};
use std::os::fd::AsRawFd;
use std::os::unix::net::UnixStream;
use std::process::ExitCode;

/// A container whose command runs.
pub struct Child {
    pid: Pid,
    signals: SignalFd,
}

/// How the command ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Ended {
    /// It exited with this status.
    Exited(i32),
    /// This signal killed it.
    Killed(i32),
}

impl Child {
    /// Starts the container's first process in these new `namespaces`, and waits until it executes
    /// its command. `container` runs in it: it makes the container and ends with [`crate::exec`].
    ///
    /// Who is not root gets a user namespace as well.
    ///
    /// # Errors
    /// What `container` returned, or the step `clone`, with or without a user namespace, `uid-map` or `gid-map`.
    pub fn start(
        mut namespaces: CloneFlags,
        mut container: impl FnMut() -> Result<Infallible>,
    ) -> Result<Child> {
        if !geteuid().is_root() {
            namespaces |= CloneFlags::CLONE_NEWUSER;
        }
        let new_user = namespaces.contains(CloneFlags::CLONE_NEWUSER);
        let (ours, mut theirs) = UnixStream::pair().step("socket")?;
        let mut ours = Some(ours);
        let (signals, old_mask) = block_signals().step("signals")?;

        let child = || {
            drop(ours.take());
            let Err(error) = in_child(&old_mask, new_user, &mut theirs).and_then(|()| container());
            // Nobody is left to tell if the parent is gone.
            let _ = theirs.write_all(&error.to_bytes());
            1
        };
        let mut stack = vec![0; 256 * 1024];
        // SAFETY: without CLONE_VM the child has a copy of this memory, as after fork(2), stack included.
        let pid = unsafe { clone(Box::new(child), &mut stack, namespaces, Some(Signal::SIGCHLD as i32)) }
            .step(if new_user { "clone with a user namespace" } else { "clone" })?;
        drop(theirs);

        let mut ours = ours.take().expect("only the child takes it");
        let begun = if new_user { user::map(pid) } else { Ok(()) };
        let begun = begun.and_then(|()| {
            if new_user {
                ours.write_all(b"!").step("clone")?;
            }
            let mut report = Vec::new();
            ours.read_to_end(&mut report).step("clone")?;
            Error::from_bytes(&report).map_or(Ok(()), Err)
        });
        if let Err(error) = begun {
            let _ = kill(pid, Signal::SIGKILL);
            let _ = waitpid(pid, None);
            return Err(error);
        }
        Ok(Child { pid, signals })
    }

    /// Waits for the command to end. INT, TERM and HUP are forwarded to it until then; a second INT kills it,
    /// since PID 1 of a PID namespace ignores what it has no handler for (pid_namespaces(7)).
    pub fn wait(self) -> Result<Ended> {
        let mut interrupted = false;
        loop {
            let Some(info) = self.signals.read_signal().step("signals")? else { continue };
            match Signal::try_from(info.ssi_signo as i32).step("signals")? {
                Signal::SIGCHLD => {
                    if let Some(ended) = self.ended().step("wait")? {
                        return Ok(ended);
                    }
                }
                Signal::SIGINT if interrupted => self.send(Signal::SIGKILL)?,
                // What a terminal sends, it sends to the whole foreground group (si_code SI_KERNEL).
                signal if info.ssi_code == libc::SI_KERNEL && self.shares_our_group() => {
                    interrupted |= signal == Signal::SIGINT;
                }
                signal => {
                    interrupted |= signal == Signal::SIGINT;
                    self.send(signal)?;
                }
            }
        }
    }

    /// How it ended, if it has. Not nix's waitpid: that knows no real-time signals.
    fn ended(&self) -> nix::Result<Option<Ended>> {
        let mut status = 0;
        // SAFETY: waitpid(2) writes one int.
        let pid = unsafe { libc::waitpid(self.pid.as_raw(), &mut status, libc::WNOHANG) };
        Ok(match Errno::result(pid)? {
            0 => None,
            _ if libc::WIFSIGNALED(status) => Some(Ended::Killed(libc::WTERMSIG(status))),
            _ => Some(Ended::Exited(libc::WEXITSTATUS(status))),
        })
    }

    fn shares_our_group(&self) -> bool {
        getpgid(Some(self.pid)) == Ok(getpgrp())
    }

    fn send(&self, signal: Signal) -> Result<()> {
        match kill(self.pid, signal) {
            // It has just ended: SIGCHLD comes next.
            Err(Errno::ESRCH) => Ok(()),
            sent => sent.step("signals"),
        }
    }
}

/// What comes before the container, in the child: the state of a fresh process, and root's ids.
fn in_child(old_mask: &SigSet, new_user: bool, parent: &mut UnixStream) -> Result<()> {
    // Rust's runtime ignores SIGPIPE, and a command would inherit that.
    // SAFETY: no handler of ours is installed.
    unsafe { signal(Signal::SIGPIPE, SigHandler::SigDfl) }.step("signals")?;
    old_mask.thread_set_mask().step("signals")?;
    if new_user {
        parent.read_exact(&mut [0]).step("clone")?;
        user::become_root()?;
    }
    end_with(parent)
}

/// From now on the kernel kills this process when the lab ends, also by a signal that nobody can catch. A change of ids
/// undoes that, and so does a set-user-ID program (prctl(2), PR_SET_PDEATHSIG).
///
/// The lab may have ended just before. prctl(2) advises to compare getppid(2), which in a new PID namespace is 0 at all
/// times; but with the lab its end of the socket is closed.
fn end_with(parent: &UnixStream) -> Result<()> {
    set_pdeathsig(Signal::SIGKILL).step("signals")?;
    match recv(parent.as_raw_fd(), &mut [0], MsgFlags::MSG_PEEK | MsgFlags::MSG_DONTWAIT) {
        Err(Errno::EAGAIN) => Ok(()),
        _ => Err(Errno::ESRCH).step("signals"),
    }
}

/// Signals are read from a descriptor, one after the other: no handler, nothing that happens in between.
fn block_signals() -> nix::Result<(SignalFd, SigSet)> {
    let mut ours = SigSet::empty();
    for signal in [Signal::SIGCHLD, Signal::SIGINT, Signal::SIGTERM, Signal::SIGHUP] {
        ours.add(signal);
    }
    // A caller may have left SIGCHLD ignored; then there would be nothing to wait for (wait(2), NOTES).
    // SAFETY: no handler of ours is installed.
    unsafe { signal(Signal::SIGCHLD, SigHandler::SigDfl) }?;
    let old = SigSet::thread_get_mask()?;
    ours.thread_block()?;
    Ok((SignalFd::with_flags(&ours, SfdFlags::SFD_CLOEXEC)?, old))
}

impl Ended {
    /// The lab's exit code: the command's own, or 128 + N for a signal, as a shell has it.
    pub fn exit_code(&self) -> ExitCode {
        ExitCode::from(match self {
            Ended::Exited(status) => *status as u8,
            Ended::Killed(signal) => (128 + signal) as u8,
        })
    }
}

impl fmt::Display for Ended {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Ended::Exited(status) => write!(f, "Exited with status {status}"),
            Ended::Killed(signal) => write!(f, "Killed by signal {}", signal),
        }
    }
}
