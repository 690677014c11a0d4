//! Processes that the host holds: where they stop, they stay until they are told to go on.

use super::Session;
use crate::trial::observe;
use attempts::host::Ending;
use nix::libc;
use nix::sys::ptrace;
use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;
use std::collections::VecDeque;
use std::time::{Duration, Instant};

/// `AUDIT_ARCH_X86_64` and `AUDIT_ARCH_AARCH64`: include/uapi/linux/audit.h.
#[cfg(target_arch = "x86_64")]
const NATIVE: u32 = 0xC000_003E;
#[cfg(target_arch = "aarch64")]
const NATIVE: u32 = 0xC000_00B7;

/// `si_code` of a SIGSYS from a filter: include/uapi/asm-generic/siginfo.h.
const SYS_SECCOMP: i32 = 1;

/// A held process: the stops that nobody has looked at, and the signals that were kept back.
#[derive(Debug, Default)]
pub(super) struct Held {
    stops: VecDeque<i32>,
    signals: Vec<i32>,
}

/// Where a held process has stopped.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Stop {
    /// At the entry of a system call.
    Entry {
        /// Its number.
        number: u64,
        /// Whether it is a call of this machine's own architecture.
        native: bool,
    },
    /// At the exit of one: its return value, a negative errno where it failed.
    Exit(i64),
    /// At a SIGSYS that a system-call filter has sent.
    Filter,
    /// It has executed a program.
    Executed,
    /// Elsewhere: it was told to stop, has a child, or a signal was on its way, which is kept back.
    Other,
    /// It has ended.
    Ended {
        /// Whether a system-call filter has killed it.
        by_filter: bool,
    },
}

impl Session<'_> {
    /// From now on a process, which is seized, stays where it stops, and so do the children that it makes.
    pub fn hold(&mut self, pid: Pid) {
        self.held.entry(pid.as_raw()).or_default();
    }

    /// Whether the host traces a process since its program's first instruction.
    pub fn traces(&self, pid: Pid) -> bool {
        self.watched && observe::identity(pid).tracer == Pid::this().as_raw()
    }

    /// Whether a process is held, and stands where it was left.
    pub fn stood_there(&self, pid: Pid) -> bool {
        self.held.get(&pid.as_raw()).is_some_and(|held| held.stops.is_empty())
    }

    /// Whether a held process stands still.
    pub fn stands(&mut self, pid: Pid) -> bool {
        self.held.get(&pid.as_raw()).is_some_and(|held| !held.stops.is_empty())
    }

    /// Whether it stands within this time.
    pub fn stands_within(&mut self, pid: Pid, patience: Duration) -> bool {
        let deadline = Instant::now() + patience;
        while !self.stands(pid) && Instant::now() < deadline {
            self.look_at(pid);
        }
        self.stands(pid)
    }

    /// Where it stood is of no interest.
    pub fn forget_stops(&mut self, pid: Pid) {
        if let Some(held) = self.held.get_mut(&pid.as_raw()) {
            while let Some(status) = held.stops.pop_front() {
                let signal = libc::WSTOPSIG(status);
                if status >> 16 == 0 && signal != libc::SIGTRAP | 0x80 {
                    held.signals.push(signal);
                }
            }
        }
    }

    /// Lets a held process that has stopped go on to its next stop. Signals stay with the host.
    pub fn resume(&mut self, pid: Pid, request: libc::c_uint) {
        // SAFETY: ptrace(2) with integers. Who is gone is told of by wait(2).
        unsafe { libc::ptrace(request, pid.as_raw(), 0, 0) };
    }

    /// Lets a held process go: nobody traces it any more, and what was kept back reaches it.
    pub fn release(&mut self, pid: Pid) {
        let Some(held) = self.held.remove(&pid.as_raw()) else { return };
        // Its number may be another's by now.
        if self.deaths.contains_key(&pid.as_raw()) {
            return;
        }
        for signal in held.signals {
            // SAFETY: kill(2) with integers, to a process that we trace and that therefore is not waited for.
            unsafe { libc::kill(pid.as_raw(), signal) };
        }
        let _ = ptrace::detach(pid, None);
    }

    /// All that are held, let go. What is none of the `known`, and so was made by the attacker, ends.
    pub fn release_all(&mut self, known: &[Pid]) {
        self.release_all_but(None, known);
    }

    /// The same, and one stays held.
    pub fn release_all_but(&mut self, one: Option<Pid>, known: &[Pid]) {
        let all: Vec<Pid> = self.held().filter(|pid| Some(*pid) != one).collect();
        for pid in all {
            if !known.contains(&pid) {
                let _ = kill(pid, Signal::SIGKILL);
            }
            self.release(pid);
        }
    }

    /// The processes that are held.
    pub fn held(&self) -> impl Iterator<Item = Pid> {
        self.held.keys().map(|pid| Pid::from_raw(*pid))
    }

    /// Waits for the next stop of a held process. None where it does not come in time.
    pub fn next_stop(&mut self, pid: Pid, deadline: Instant) -> Option<Stop> {
        loop {
            if let Some(status) = self.held.get_mut(&pid.as_raw()).and_then(|held| held.stops.pop_front()) {
                return Some(self.classify(pid, status));
            }
            if let Some(ending) = self.deaths.get(&pid.as_raw()) {
                return Some(Stop::Ended { by_filter: *ending == Ending::Killed(libc::SIGSYS) });
            }
            // It mostly has stopped already: to wait by poll(2) costs more than the call.
            if !self.wait_for_one(pid) {
                if Instant::now() > deadline {
                    return None;
                }
                self.turn().ok()?;
            }
        }
    }

    /// Notes a stop of this process if there is one, else turns the loop once. Whether there was one.
    pub fn look_at(&mut self, pid: Pid) -> bool {
        let found = self.wait_for_one(pid);
        if !found {
            let _ = self.turn();
        }
        found
    }

    /// Notes a stop of a process that is held, or that was made by one that is. False for all others.
    pub(super) fn note_stop(&mut self, pid: Pid, status: i32) -> bool {
        let is_held_ones = |it: &Self| it.held.contains_key(&observe::identity(pid).parent);
        if !self.held.is_empty() && (!self.watched || is_held_ones(self)) {
            self.hold(pid);
        }
        self.held.get_mut(&pid.as_raw()).map(|held| held.stops.push_back(status)).is_some()
    }

    fn classify(&mut self, pid: Pid, status: i32) -> Stop {
        let signal = libc::WSTOPSIG(status);
        match status >> 16 {
            libc::PTRACE_EVENT_EXEC => return Stop::Executed,
            0 => {}
            _ => return Stop::Other,
        }
        if signal == libc::SIGTRAP | 0x80 {
            let Ok(info) = ptrace::syscall_info(pid) else { return Stop::Other };
            // SAFETY: `op` says which of the union's members the kernel has written.
            return unsafe {
                match info.op {
                    libc::PTRACE_SYSCALL_INFO_ENTRY => {
                        Stop::Entry { number: info.u.entry.nr, native: info.arch == NATIVE }
                    }
                    libc::PTRACE_SYSCALL_INFO_EXIT => Stop::Exit(info.u.exit.sval),
                    _ => Stop::Other,
                }
            };
        }
        if signal == libc::SIGSYS && ptrace::getsiginfo(pid).is_ok_and(|info| info.si_code == SYS_SECCOMP) {
            return Stop::Filter;
        }
        if let Some(held) = self.held.get_mut(&pid.as_raw()) {
            held.signals.push(signal);
        }
        Stop::Other
    }
}
