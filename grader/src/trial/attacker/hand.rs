//! One system call after another, put into the attacker's registers.
//!
//! The attacker stands at the entry of a call of its own, the read(2) in which it waits for its input. There its number
//! and arguments are exchanged (PTRACE_SYSCALL, ptrace(2)), the result is read at the exit, and it goes back to where
//! it stood. A filter of its own (seccomp(2)) sees the exchanged call, since the kernel asks it after the tracer.

use super::descriptors::file_system;
use super::forms::Forms;
use super::mediators::{TOUCHED, let_answer};
use super::memory::{Laid, lay, read};
use super::no_witness::NoWitness;
use super::registers::Registers;
use crate::decoy::pidfds::duplicate;
use crate::proc;
use crate::trial::observe;
use crate::trial::session::Session;
use crate::trial::session::stops::Stop;
use anyhow::{Context, bail};
use attempts::attacker::{Call, Failed, Returned};
use attempts::rules::Rule;
use nix::errno::Errno;
use nix::libc;
use nix::sys::ptrace;
use nix::unistd::Pid;
use std::os::fd::OwnedFd;
use std::time::{Duration, Instant};

/// A call of an attempt returns within this time; none waits for something that has to come.
const RETURNS: Duration = Duration::from_secs(5);

/// One that takes longer may wait for another process.
const AT_ONCE: Duration = Duration::from_millis(20);

/// Where a signal is on its way a call may return one of these, which no program sees: it is made again when the signal has
/// been delivered (include/linux/errno.h). Here the signal is kept back.
const ERESTART: [i64; 4] = [512, 513, 514, 516];

/// So many signals may come.
const RESTARTS: usize = 70;

/// A call that the attacker has made, as the kernel told of it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Made {
    /// The call.
    pub call: Call,
    /// What it returned, a negative errno where it was refused; none where it did not return.
    pub returned: Option<i64>,
    /// Whether it was not made at all, since a filter kills for it.
    pub left_out: bool,
}

/// A seized process at the entry of a system call.
pub struct Hand<'s, 'd> {
    /// Its start.
    pub session: &'s mut Session<'d>,
    pub(super) pid: Pid,
    /// What it had in its registers when it was stopped there, and the number of its own call.
    pub(super) saved: Registers,
    own: u64,
    /// The calls that it has made so far.
    pub made: Vec<Made>,
    /// The one for which a filter has killed it.
    pub killed_for: Option<Call>,
    /// What there is for the forms of its calls, where a filter may read them.
    pub(super) forms: Option<Option<Forms>>,
    /// Its parent and what that has in its registers, while a child is moved in its place.
    pub(super) parent: Option<(Pid, Registers, u64)>,
}

impl<'s, 'd> Hand<'s, 'd> {
    /// Seizes a process, and brings it to the entry of a system call. No other process can trace it from now on. One that
    /// another hand left standing there is taken as it stands.
    ///
    /// # Errors
    /// Why it can't be moved.
    pub fn seize(session: &'s mut Session<'d>, pid: Pid) -> anyhow::Result<Hand<'s, 'd>> {
        if session.stood_there(pid) {
            let saved = Registers::read(pid).context("the command's registers")?;
            let info = ptrace::syscall_info(pid).context("the command's system call")?;
            // SAFETY: it stands at the entry of a call, so this is what the kernel has written.
            let own = unsafe { info.u.entry.nr };
            return Ok(Hand::standing(session, pid, saved, own));
        }
        let follow = ptrace::Options::PTRACE_O_TRACESYSGOOD
            | ptrace::Options::PTRACE_O_TRACEFORK
            | ptrace::Options::PTRACE_O_TRACEVFORK
            | ptrace::Options::PTRACE_O_TRACECLONE
            | ptrace::Options::PTRACE_O_TRACEEXEC;
        // Where every execve(2) is seen, it is the host's already.
        if !session.traces(pid) {
            match ptrace::seize(pid, follow) {
                Err(_) if observe::identity(pid).tracer != 0 => bail!(NoWitness::Traced),
                seized => seized.context("the host could not seize the command")?,
            }
        }
        session.hold(pid);
        ptrace::interrupt(pid).context("the host could not stop the command")?;
        loop {
            match session.next_stop(pid, Instant::now() + RETURNS) {
                Some(Stop::Entry { number, native: true }) => {
                    let saved = Registers::read(pid).context("the command's registers")?;
                    return Ok(Hand::standing(session, pid, saved, number));
                }
                Some(Stop::Entry { .. }) => bail!("the command is of another architecture"),
                Some(Stop::Ended { .. }) => bail!("the command ended when the host stopped it"),
                Some(_) => session.resume(pid, libc::PTRACE_SYSCALL),
                None => bail!("the command did not come to a system call"),
            }
        }
    }

    fn standing(session: &'s mut Session<'d>, pid: Pid, saved: Registers, own: u64) -> Hand<'s, 'd> {
        Hand { session, pid, saved, own, made: Vec::new(), killed_for: None, forms: None, parent: None }
    }

    /// The process.
    pub fn pid(&self) -> Pid {
        self.pid
    }

    /// Brings the process back to where it stood, and lets it go on by itself.
    pub fn let_go(self) {
        let _ = self.saved.write(self.pid);
        self.session.release(self.pid);
    }

    /// From now on moves the process again that was seized, and no child of it.
    pub fn leave_child(&mut self) {
        if let Some(parent) = self.parent.take() {
            (self.pid, self.saved, self.own) = parent;
        }
    }

    /// Lets the children that it has made go on, in the call at whose entry it stands itself. Returns them.
    pub fn let_children_go(&mut self) -> Vec<Pid> {
        let children: Vec<Pid> = self.session.held().filter(|pid| *pid != self.pid).collect();
        for child in &children {
            let deadline = Instant::now() + RETURNS;
            while !self.session.stands(*child) && Instant::now() < deadline {
                self.session.look_at(*child);
            }
            let _ = self.saved.before_call(self.own).write(*child);
            self.session.release(*child);
        }
        children
    }

    /// A call for which a filter kills is left out, as if it had been refused: see [`super::filtered`].
    pub(super) fn leave_out(&mut self) -> Failed {
        if let Some(made) = self.made.last_mut() {
            made.left_out = true;
        }
        Errno::EPERM.into()
    }

    /// Makes a call in its first form: see [`super::forms`].
    pub(super) fn make_once(&mut self, call: &Call) -> Result<Returned, Failed> {
        let laid = lay(&call.arguments, self.saved.stack());
        self.make(&laid, call.number, None)
    }

    /// Makes a call, by the instruction at an address or by that of its own call, and waits until the process stands again where
    /// it stood. Signals may interrupt it.
    pub(super) fn make(
        &mut self,
        laid: &Laid,
        number: i64,
        instruction: Option<u64>,
    ) -> Result<Returned, Failed> {
        for _ in 0..RESTARTS {
            let done = self.make_interrupted(laid, number, instruction);
            let returned = self.made.last().and_then(|made| made.returned);
            if !returned.is_some_and(|value| ERESTART.contains(&-value)) {
                return done;
            }
        }
        Err(Failed::GaveUp("signals interrupted a call again and again".into()))
    }

    fn make_interrupted(
        &mut self,
        laid: &Laid,
        number: i64,
        instruction: Option<u64>,
    ) -> Result<Returned, Failed> {
        laid.write(self.pid).map_err(lost)?;
        let called = self.saved.with_call(number as u64, laid.numbers);
        instruction.map_or(called, |at| called.after(at)).write(self.pid).map_err(lost)?;
        self.session.resume(self.pid, libc::PTRACE_SYSCALL);
        if !self.session.stands_within(self.pid, AT_ONCE) {
            let (pid, deadline) = (self.pid, Instant::now() + RETURNS);
            let_answer(self.session, pid, || laid.is_untouched(pid), deadline)?;
        }
        let (value, executed) = self.exit()?;
        // Whoever could do that moved while all others stood.
        if !executed && self.session.rules.holds(Rule::Pointers) && !laid.is_untouched(self.pid) {
            return Err(Failed::GaveUp(TOUCHED.into()));
        }
        let rooms = laid.read_rooms(self.pid);
        if executed {
            self.stand_again()?
        } else {
            self.go_back()?
        }
        self.returned(value, rooms)
    }

    /// Waits for the exit of a call: what it returned, and whether it has executed a program.
    pub(super) fn exit(&mut self) -> Result<(i64, bool), Failed> {
        let mut executed = false;
        loop {
            match self.stop()? {
                Stop::Exit(value) => return Ok((value, executed)),
                Stop::Filter => return Err(self.filtered()),
                stop => {
                    executed |= stop == Stop::Executed;
                    self.session.resume(self.pid, libc::PTRACE_SYSCALL);
                }
            }
        }
    }

    /// Notes what the last call has returned.
    pub(super) fn returned(
        &mut self,
        value: i64,
        rooms: nix::Result<Vec<Vec<u8>>>,
    ) -> Result<Returned, Failed> {
        if let Some(made) = self.made.last_mut() {
            made.returned = Some(value);
        }
        match value {
            ..0 => Err(Errno::from_raw(-value as i32).into()),
            _ => Ok(Returned { value, rooms: rooms.map_err(lost)? }),
        }
    }

    /// In a program that it has just executed it stands at the entry of the first call.
    fn stand_again(&mut self) -> Result<(), Failed> {
        self.session.resume(self.pid, libc::PTRACE_SYSCALL);
        loop {
            match self.stop()? {
                Stop::Entry { number, native: true } => {
                    (self.saved, self.own) = (Registers::read(self.pid).map_err(lost)?, number);
                    // Its code and its memory are others now.
                    self.forms = None;
                    return Ok(());
                }
                Stop::Entry { .. } => {
                    return Err(Failed::GaveUp("it executed another architecture's code".into()));
                }
                _ => self.session.resume(self.pid, libc::PTRACE_SYSCALL),
            }
        }
    }

    /// Leaves the call at whose entry it stands: to read nothing is no call that a filter would not let it make.
    pub(super) fn leave_call(&mut self) -> Result<(), Failed> {
        self.saved.with_call(self.own, [0; 6]).write(self.pid).map_err(lost)?;
        self.session.resume(self.pid, libc::PTRACE_SYSCALL);
        self.exit().map(drop)
    }

    /// From the exit of a call to the entry of its own. A filter that sends SIGSYS for a call does it on this way, and the
    /// value at the exit was none.
    pub(super) fn go_back(&mut self) -> Result<(), Failed> {
        self.saved.before_call(self.own).write(self.pid).map_err(lost)?;
        let mut filtered = false;
        self.session.resume(self.pid, libc::PTRACE_SYSCALL);
        loop {
            match self.stop()? {
                Stop::Entry { .. } if filtered => return Err(self.filtered()),
                Stop::Entry { .. } => return Ok(()),
                stop => {
                    filtered |= stop == Stop::Filter;
                    self.session.resume(self.pid, libc::PTRACE_SYSCALL);
                }
            }
        }
    }

    /// Notes that a filter has killed it for the last call.
    fn filtered(&mut self) -> Failed {
        self.killed_for = self.killed_for.take().or_else(|| self.made.last().map(|made| made.call.clone()));
        Failed::Filtered
    }

    /// Its next stop.
    pub(super) fn stop(&mut self) -> Result<Stop, Failed> {
        match self.session.next_stop(self.pid, Instant::now() + RETURNS) {
            Some(Stop::Ended { by_filter: true }) => Err(self.filtered()),
            Some(Stop::Ended { .. }) => Err(Failed::Ended),
            Some(stop) => Ok(stop),
            None => Err(Failed::GaveUp("the call did not return".into())),
        }
    }
}

/// Why a process can't be moved any more.
pub(super) fn lost(errno: Errno) -> Failed {
    match errno {
        Errno::ESRCH => Failed::Ended,
        other => Failed::GaveUp(format!("the host could not move the command's hand: {other}")),
    }
}

impl attempts::attacker::Hand for Hand<'_, '_> {
    fn call(&mut self, call: &Call) -> Result<Returned, Failed> {
        self.made.push(Made { call: call.clone(), returned: None, left_out: false });
        if self.has_forms() && self.session.rules.holds(Rule::Forms) {
            return self.make_in_each_form(call);
        }
        if self.session.filtered.forms(call) > 0 {
            return Err(self.leave_out());
        }
        self.make_once(call)
    }

    fn is_filtered(&mut self) -> bool {
        self.has_forms()
    }

    fn duplicate(&mut self, descriptor: i32) -> Result<OwnedFd, Failed> {
        duplicate(self.pid, descriptor)
            .map_err(|errno| Failed::GaveUp(format!("the host could not take its descriptor: {errno}")))
    }

    fn file_system(&mut self, descriptor: i32) -> Result<Option<String>, Failed> {
        Ok(file_system(self.pid, self.session.host(), descriptor))
    }

    fn follow(&mut self, child: i32) -> Result<(), Failed> {
        let found = proc::children(self.pid).into_iter().find(|pid| proc::nspid(*pid).last() == Some(&child));
        let found = found.ok_or(Failed::Ended)?;
        self.session.hold(found);
        self.parent = Some((self.pid, self.saved, self.own));
        self.pid = found;
        self.stop()?;
        // It has its parent's registers, and goes to where that stands.
        self.go_back()
    }

    fn memory(&mut self, at: i64, length: usize) -> Result<Vec<u8>, Failed> {
        read(self.pid, at as u64, length).map_err(lost)
    }

    fn descriptors(&mut self) -> Result<Vec<i32>, Failed> {
        match proc::numbers(format!("/proc/{}/fd", self.pid)) {
            // It waits for its input, on a descriptor.
            none if none.is_empty() => Err(Failed::GaveUp("the host could not read its descriptors".into())),
            all => Ok(all),
        }
    }

    fn wait(&mut self) {
        self.session.look_at(self.pid);
    }

    fn call_i386(&mut self, call: &Call) -> Result<Returned, Failed> {
        self.made.push(Made { call: call.clone(), returned: None, left_out: false });
        if self.session.filtered.forms(call) > 0 {
            return Err(self.leave_out());
        }
        self.by_int_0x80(call)
    }

    fn spin(&mut self, time: Duration) -> Result<(), Failed> {
        self.run_for(time)
    }
}
