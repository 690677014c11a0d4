//! What wait(2) tells of the processes that the host traces: their stops, the programs that they execute, their ends.

use super::Session;
use crate::decoy::ending;
use anyhow::Result;
use nix::libc;
use nix::sys::ptrace;
use nix::unistd::Pid;

impl Session<'_> {
    /// Notes every end, and lets every traced process that stopped go on, unless it is held.
    pub(super) fn reap(&mut self) -> Result<()> {
        while self.wait_for_one(Pid::from_raw(-1)) {}
        Ok(())
    }

    /// The same for one stop or end, of this process or, with -1, of any. Whether there was one.
    pub(super) fn wait_for_one(&mut self, pid: Pid) -> bool {
        let mut status = 0;
        // SAFETY: waitpid(2) writes one int.
        let pid = unsafe { libc::waitpid(pid.as_raw(), &mut status, libc::WNOHANG | libc::__WALL) };
        if pid <= 0 {
            return false;
        }
        if libc::WIFSTOPPED(status) {
            self.stopped(Pid::from_raw(pid), status);
        } else if pid == self.decoy.pid1().as_raw() {
            self.decoy.ended(ending(status));
        } else {
            self.deaths.insert(pid, ending(status));
        }
        true
    }

    fn stopped(&mut self, pid: Pid, status: i32) {
        if self.note_stop(pid, status) {
            return;
        }
        let event = status >> 16;
        if event == libc::PTRACE_EVENT_EXEC {
            self.executions.note(pid);
            if self.caught.is_none() && self.awaited.is_some_and(|it| it.is_command_of(pid, self.decoy)) {
                self.caught = Some(pid);
                self.hold(pid);
                self.note_stop(pid, status);
                return;
            }
        }
        let makes = [libc::PTRACE_EVENT_FORK, libc::PTRACE_EVENT_VFORK, libc::PTRACE_EVENT_CLONE];
        if makes.contains(&event)
            && let Ok(child) = ptrace::getevent(pid)
        {
            self.executions.note_child(pid, child as i32);
        }
        // A stop without an event is a signal on its way: it is delivered. At system calls only held ones stop.
        let signal = if event == 0 { libc::WSTOPSIG(status) } else { 0 };
        // SAFETY: ptrace(2) with two integers. nix's functions know no real-time signals.
        unsafe { libc::ptrace(libc::PTRACE_CONT, pid.as_raw(), 0, signal) };
    }
}
