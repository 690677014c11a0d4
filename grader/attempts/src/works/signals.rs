//! Signals to the program, and the processes of the container at its end.

use super::{InStart, Work, nothing_to_see};
use crate::Inside;
use nix::libc;
use nix::sys::signal::SigSet;
use nix::sys::signal::Signal::{self, SIGHUP, SIGINT, SIGTERM};
use nix::unistd::{ForkResult, alarm, fork, pause};

/// Those that a person or an init system ends a program with.
pub const FORWARDED: [Signal; 3] = [SIGINT, SIGTERM, SIGHUP];

/// The host asks twice. When it has this to say, it has sent the signals.
pub const SENT: &str = "sent";

/// Signals reach the command.
pub const SIGNALS: Work = Work {
    id: "signals",
    first_lab: 1,
    what: "INT, TERM and HUP to the program reach the command, or end the container.",
    man: &["signal(7)", "pid_namespaces(7)"],
    after: &[],
    run: InStart::Signals,
    inside: |me| match me.given(SENT) {
        "" => block(),
        _ => collect(me),
    },
    judge: nothing_to_see,
};

fn all() -> SigSet {
    FORWARDED.into_iter().collect()
}

/// One that is blocked waits; PID 1 would ignore it otherwise (pid_namespaces(7)).
fn block() -> Result<(), String> {
    all().thread_block().map_err(|errno| format!("sigprocmask: {errno}"))
}

/// Which have come.
fn collect(_: &mut Inside) -> Result<(), String> {
    let mut missing = all();
    // The program that forwards them is another process, and has its turn.
    let patience = libc::timespec { tv_sec: 1, tv_nsec: 0 };
    for _ in FORWARDED {
        // SAFETY: sigtimedwait(2) reads a set and a time; it may write no siginfo.
        let came = unsafe { libc::sigtimedwait(missing.as_ref(), std::ptr::null_mut(), &patience) };
        let Ok(came) = Signal::try_from(came) else { break };
        missing.remove(came);
    }
    let missing: Vec<_> = missing.iter().map(Signal::as_str).collect();
    if missing.is_empty() { Ok(()) } else { Err(format!("the command never got {}", missing.join(", "))) }
}

/// The container ends with its command.
pub const NO_CHILD_LEFT: Work = Work {
    id: "no-child-left",
    first_lab: 1,
    what: "When the command ends its children end as well: those that run and those that nobody waited for.",
    man: &["pid_namespaces(7)", "wait(2)"],
    after: &[],
    run: InStart::Signals,
    inside: |_| leave_children(),
    judge: |host| match host.left_processes {
        0 => Ok(()),
        number => Err(format!("the command has ended, and {number} of the container's processes have not")),
    },
};

/// One that ends and one that does not.
fn leave_children() -> Result<(), String> {
    for ends in [true, false] {
        // SAFETY: the probe has one thread.
        match unsafe { fork() }.map_err(|errno| format!("fork: {errno}"))? {
            ForkResult::Parent { .. } => {}
            // SAFETY: ends this process without running what the probe would run at its exit.
            ForkResult::Child if ends => unsafe { libc::_exit(0) },
            ForkResult::Child => {
                // Where nobody ends it, it does so itself.
                alarm::set(20);
                loop {
                    pause();
                }
            }
        }
    }
    Ok(())
}
