//! Following the probe with ptrace(2): what the kernel tells of its system calls and of its end.

use super::stops::SYS_SECCOMP;
use super::{KEPT, Session};
use crate::decoy::ending;
use crate::text;
use crate::trial::image;
use crate::trial::observe::{self, Identity};
use anyhow::Result;
use attempts::wire::Answer;
use nix::libc;
use nix::sys::ptrace;
use nix::unistd::Pid;

/// At so many decisive calls of one answer the host looks at the probe's memory.
const LOOKS: usize = 16;

/// So many executions are noted, the first ones and the last; of a name so many characters.
const MAX_EXECUTED: usize = 1000;
const MAX_CHARS: usize = 200;

/// A system call of the probe.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Call {
    /// Its number.
    pub number: u64,
    /// What it returned, a negative errno where it was refused; none where it has not returned.
    pub returned: Option<i64>,
    /// Its first three arguments.
    pub arguments: [u64; 3],
}

impl Session<'_> {
    /// Seizes a process, so that its end is told to us and nobody else can trace it.
    pub fn seize(&self, pid: Pid) -> nix::Result<()> {
        ptrace::seize(pid, ptrace::Options::PTRACE_O_TRACESYSGOOD)
    }

    /// From here on every system call of the probe, which is seized, is noted. At the `decisive` ones the host
    /// compares its memory with its file.
    pub fn follow_calls(&mut self, decisive: &[i64]) -> Result<()> {
        self.decisive = decisive.iter().map(|number| *number as u64).collect();
        if let Some(pid) = self.probe.as_ref().and_then(|probe| probe.pid) {
            // It stops, and `stopped` lets it go on from call to call. Until then nothing is asked.
            ptrace::interrupt(pid)?;
            self.until(|it| it.followed || it.over() || it.probe_died())?;
        }
        Ok(())
    }

    /// Whether the probe was asked what the host asked, and itself said what the host was told: a socket can be
    /// taken from a process (pidfd_getfd(2)), or handed over by one that connected before it became the probe.
    /// And whether it is still what it was.
    pub fn verify_testimony(
        &mut self,
        question: &str,
        answers: &[Answer],
    ) -> std::result::Result<(), String> {
        if let Some(why) = self.tampered.take() {
            return Err(why);
        }
        let Some(probe) = self.probe.as_ref() else { return Ok(()) };
        let Some(pid) = probe.pid else { return Ok(()) };
        let asked = question.trim_end().as_bytes();
        if !answers.is_empty() && !self.heard.windows(asked.len()).any(|window| window == asked) {
            return Err("the probe was asked something else than the host asked".into());
        }
        let spoken = String::from_utf8_lossy(&self.spoken);
        let mut spoken = spoken.lines().filter_map(|line| Answer::parse(&probe.key, line));
        if !answers.iter().all(|answer| spoken.any(|said| said == *answer)) {
            return Err("somebody else spoke in the probe's name".into());
        }
        if self.probe_died() || self.over() || !observe::runs(pid) { Ok(()) } else { self.image.check(pid) }
    }

    /// Whether a process has sent this one, which we trace, a SIGSYS: what ends it then is no filter.
    pub fn was_sent_sigsys(&self, pid: Pid) -> bool {
        self.sent_sigsys.contains(&pid.as_raw())
    }

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
            let Identity { exe, exe_name, .. } = observe::identity(pid);
            let exe = exe.unwrap_or_default();
            self.executed.truncate(MAX_EXECUTED - 1);
            self.executed.push((exe, text::cut(&exe_name, MAX_CHARS)));
            if self.caught.is_none() && self.awaited.is_some_and(|it| it.is_command_of(pid, self.decoy)) {
                self.caught = Some(pid);
                self.hold(pid);
                self.note_stop(pid, status);
                return;
            }
        }
        let at_call = libc::WSTOPSIG(status) == libc::SIGTRAP | 0x80;
        if at_call {
            self.note_call(pid);
        }
        // A stop without an event is a signal on its way: it is delivered.
        let signal = if event == 0 && !at_call { libc::WSTOPSIG(status) } else { 0 };
        if signal == libc::SIGSYS && ptrace::getsiginfo(pid).is_ok_and(|info| info.si_code != SYS_SECCOMP) {
            self.sent_sigsys.insert(pid.as_raw());
        }
        let is_probe = !self.left && !self.watched && self.is_probe(pid);
        self.followed |= is_probe;
        let request = if is_probe { libc::PTRACE_SYSCALL } else { libc::PTRACE_CONT };
        // SAFETY: ptrace(2) with two integers. nix's functions know no real-time signals.
        unsafe { libc::ptrace(request, pid.as_raw(), 0, signal) };
    }

    pub(super) fn is_probe(&self, pid: Pid) -> bool {
        self.probe.as_ref().is_some_and(|probe| probe.pid == Some(pid))
    }

    /// Notes the beginning or the end of a system call (PTRACE_GET_SYSCALL_INFO, ptrace(2)).
    fn note_call(&mut self, pid: Pid) {
        let Ok(info) = ptrace::syscall_info(pid) else { return };
        let mut passed = None;
        // SAFETY: `op` says which of the union's members the kernel has written.
        unsafe {
            match info.op {
                libc::PTRACE_SYSCALL_INFO_ENTRY => {
                    let [a, b, c, ..] = info.u.entry.args;
                    let call = Call { number: info.u.entry.nr, returned: None, arguments: [a, b, c] };
                    if call.number == libc::SYS_write as u64 {
                        passed = Some((&mut self.spoken, b, c));
                    }
                    // After an execve(2) it may be the shell that it becomes for a moment.
                    let is_itself = self.calls.iter().all(|call| call.number != libc::SYS_execve as u64);
                    let looked =
                        self.calls.iter().filter(|call| self.decisive.contains(&call.number)).count();
                    let decisive = self.decisive.contains(&call.number);
                    if decisive && is_itself && looked < LOOKS && self.tampered.is_none() {
                        self.tampered = self.image.check(pid).err();
                    }
                    self.calls.push(call);
                }
                libc::PTRACE_SYSCALL_INFO_EXIT => {
                    if let Some(call) = self.calls.last_mut() {
                        call.returned = Some(info.u.exit.sval);
                        if call.number == libc::SYS_read as u64 && info.u.exit.sval > 0 {
                            passed = Some((&mut self.heard, call.arguments[1], info.u.exit.sval as u64));
                        }
                    }
                }
                _ => {}
            }
        }
        if let Some((words, address, length)) = passed {
            let room = KEPT.saturating_sub(words.len()).min(usize::try_from(length).unwrap_or(0));
            words.extend(image::memory(pid, address, room).unwrap_or_default());
        }
    }
}
