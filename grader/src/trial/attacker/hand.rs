//! One system call after another, put into the attacker's registers.
//!
//! The attacker stands at the entry of a call of its own, the read(2) in which it waits for its input. There its number
//! and arguments are exchanged (PTRACE_SYSCALL, ptrace(2)), the result is read at the exit, and it goes back to where
//! it stood. A filter of its own (seccomp(2)) sees the exchanged call, since the kernel asks it after the tracer.

use super::mediators::let_answer;
use super::memory::{Laid, lay, read};
use super::no_witness::NoWitness;
use super::registers::Registers;
use crate::proc::{self, field};
use crate::trial::observe;
use crate::trial::session::Session;
use crate::trial::session::stops::Stop;
use anyhow::{Context, bail};
use attempts::attacker::{Call, Failed, Returned, SPIN_PATIENCE};
use nix::errno::Errno;
use nix::libc::{self, c_void};
use nix::sys::ptrace;
use nix::unistd::Pid;
use std::fs;
use std::os::fd::{AsRawFd, FromRawFd, OwnedFd, RawFd};
use std::os::unix::fs::MetadataExt;
use std::time::{Duration, Instant};

/// A call of an attempt returns within this time; none waits for something that has to come.
const RETURNS: Duration = Duration::from_secs(5);

/// While it runs, the host looks so often how much it has run.
const LOOK: Duration = Duration::from_millis(10);

/// One that takes longer may wait for another process.
const AT_ONCE: Duration = Duration::from_millis(20);

/// Where a signal is on its way a call may return one of these, which no program sees: it is made again when the signal has
/// been delivered (include/linux/errno.h). Here the signal is kept back.
const ERESTART: [i64; 4] = [512, 513, 514, 516];

/// So many signals may come.
const RESTARTS: usize = 70;

/// `int $0x80`.
#[cfg(target_arch = "x86_64")]
const INT_0X80: [u8; 2] = [0xcd, 0x80];

/// A jump to itself.
#[cfg(target_arch = "x86_64")]
const JUMP_TO_ITSELF: &[u8] = &[0xeb, 0xfe];
#[cfg(target_arch = "aarch64")]
const JUMP_TO_ITSELF: &[u8] = &[0x00, 0x00, 0x00, 0x14];

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
    pid: Pid,
    /// What it had in its registers when it was stopped there, and the number of its own call.
    saved: Registers,
    own: u64,
    /// The calls that it has made so far.
    pub made: Vec<Made>,
    /// The one for which a filter has killed it.
    pub killed_for: Option<Call>,
    /// Its parent and what that has in its registers, while a child is moved in its place.
    parent: Option<(Pid, Registers, u64)>,
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
            return Ok(Hand { session, pid, saved, own, made: Vec::new(), killed_for: None, parent: None });
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
                    let made = Vec::new();
                    return Ok(Hand {
                        session,
                        pid,
                        saved,
                        own: number,
                        made,
                        killed_for: None,
                        parent: None,
                    });
                }
                Some(Stop::Entry { .. }) => bail!("the command is of another architecture"),
                Some(Stop::Ended { .. }) => bail!("the command ended when the host stopped it"),
                Some(_) => session.resume(pid, libc::PTRACE_SYSCALL),
                None => bail!("the command did not come to a system call"),
            }
        }
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

    /// Notes a call. One for which a filter kills is left out, as if it had been refused: see [`super::filtered`].
    fn begin(&mut self, call: &Call) -> Result<(), Failed> {
        let left_out = self.session.filtered.has(call);
        self.made.push(Made { call: call.clone(), returned: None, left_out });
        if left_out { Err(Errno::EPERM.into()) } else { Ok(()) }
    }

    /// Makes a call, and waits until the process stands again where it stood.
    fn make(&mut self, laid: &Laid, number: i64) -> Result<Returned, Failed> {
        laid.write(self.pid).map_err(lost)?;
        self.saved.with_call(number as u64, laid.numbers).write(self.pid).map_err(lost)?;
        self.session.resume(self.pid, libc::PTRACE_SYSCALL);
        if !self.session.stands_within(self.pid, AT_ONCE) {
            let (pid, deadline) = (self.pid, Instant::now() + RETURNS);
            let_answer(self.session, pid, || laid.is_untouched(pid), deadline)?;
        }
        let (value, executed) = self.exit()?;
        let rooms = laid.read_rooms(self.pid);
        if executed {
            self.stand_again()?
        } else {
            self.go_back()?
        }
        self.returned(value, rooms)
    }

    /// Waits for the exit of a call: what it returned, and whether it has executed a program.
    fn exit(&mut self) -> Result<(i64, bool), Failed> {
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
    fn returned(&mut self, value: i64, rooms: nix::Result<Vec<Vec<u8>>>) -> Result<Returned, Failed> {
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
    fn leave_call(&mut self) -> Result<(), Failed> {
        self.saved.with_call(self.own, [0; 6]).write(self.pid).map_err(lost)?;
        self.session.resume(self.pid, libc::PTRACE_SYSCALL);
        self.exit().map(drop)
    }

    /// Puts an instruction in the place of the one at which it stands, and registers for it; runs `act`; and puts all back.
    fn with_instruction<T>(
        &mut self,
        code: &[u8],
        registers: Registers,
        act: impl FnOnce(&mut Self) -> Result<T, Failed>,
    ) -> Result<T, Failed> {
        self.leave_call()?;
        let at = registers.instruction();
        // Its code can't be written to; a tracer's write gives it a copy of the page (PTRACE_POKETEXT).
        let old = ptrace::read(self.pid, at as *mut c_void).map_err(lost)?;
        let mut word = old.to_ne_bytes();
        word[..code.len()].copy_from_slice(code);
        ptrace::write(self.pid, at as *mut c_void, i64::from_ne_bytes(word)).map_err(lost)?;
        registers.write(self.pid).map_err(lost)?;
        let done = act(self);
        ptrace::write(self.pid, at as *mut c_void, old).map_err(lost)?;
        self.go_back()?;
        done
    }

    /// From the exit of a call to the entry of its own. A filter that sends SIGSYS for a call does it on this way, and the
    /// value at the exit was none.
    fn go_back(&mut self) -> Result<(), Failed> {
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
    fn stop(&mut self) -> Result<Stop, Failed> {
        match self.session.next_stop(self.pid, Instant::now() + RETURNS) {
            Some(Stop::Ended { by_filter: true }) => Err(self.filtered()),
            Some(Stop::Ended { .. }) => Err(Failed::Ended),
            Some(stop) => Ok(stop),
            None => Err(Failed::GaveUp("the call did not return".into())),
        }
    }
}

/// Why a process can't be moved any more.
fn lost(errno: Errno) -> Failed {
    match errno {
        Errno::ESRCH => Failed::Ended,
        other => Failed::GaveUp(format!("the host could not move the command's hand: {other}")),
    }
}

impl attempts::attacker::Hand for Hand<'_, '_> {
    fn call(&mut self, call: &Call) -> Result<Returned, Failed> {
        self.begin(call)?;
        let laid = lay(&call.arguments, self.saved.stack());
        for _ in 0..RESTARTS {
            let done = self.make(&laid, call.number);
            let returned = self.made.last().and_then(|made| made.returned);
            if !returned.is_some_and(|value| ERESTART.contains(&-value)) {
                return done;
            }
        }
        Err(Failed::GaveUp(format!("signals interrupted {} again and again", call.name)))
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

    #[cfg(target_arch = "x86_64")]
    fn call_i386(&mut self, call: &Call) -> Result<Returned, Failed> {
        self.begin(call)?;
        let argument = call.arguments.first().and_then(|argument| argument.number()).unwrap_or(0);
        let registers = self.saved.with_i386_call(call.number as u64, argument as u64);
        let value = self.with_instruction(&INT_0X80, registers, |hand| {
            hand.session.resume(hand.pid, libc::PTRACE_SYSCALL);
            match hand.stop()? {
                // The kernel tells by which table it reads the number.
                Stop::Entry { number, native: false } if number == call.number as u64 => {}
                stop => return Err(Failed::GaveUp(format!("no call of i386, but {stop:?}"))),
            }
            hand.session.resume(hand.pid, libc::PTRACE_SYSCALL);
            hand.exit()
        })?;
        // Of 32 bits.
        self.returned(i64::from(value.0 as i32), Ok(Vec::new()))
    }

    #[cfg(not(target_arch = "x86_64"))]
    fn call_i386(&mut self, _: &Call) -> Result<Returned, Failed> {
        Err(Failed::GaveUp("this architecture has no calls of i386".into()))
    }

    fn spin(&mut self, time: Duration) -> Result<(), Failed> {
        let registers = self.saved;
        self.with_instruction(JUMP_TO_ITSELF, registers, |hand| {
            let deadline = Instant::now() + SPIN_PATIENCE * time;
            let used = |pid| observe::cpu(pid).map_or(0.0, |cpu| cpu.used);
            let enough = used(hand.pid) + time.as_secs_f64();
            hand.session.resume(hand.pid, libc::PTRACE_CONT);
            while used(hand.pid) < enough && Instant::now() < deadline {
                match hand.session.next_stop(hand.pid, (Instant::now() + LOOK).min(deadline)) {
                    None => {}
                    Some(Stop::Ended { .. }) => return Err(Failed::Ended),
                    // A signal on its way, of a timer perhaps that was set before.
                    Some(Stop::Other) => hand.session.resume(hand.pid, libc::PTRACE_CONT),
                    Some(stop) => return Err(Failed::GaveUp(format!("it did not run, but {stop:?}"))),
                }
            }
            ptrace::interrupt(hand.pid).map_err(lost)?;
            hand.stop()?;
            // Whoever changed its registers or its code has taken it elsewhere.
            match Registers::read(hand.pid).map_err(lost)?.instruction() == registers.instruction() {
                true => Ok(()),
                false => Err(Failed::GaveUp("it did not stay where it was to run".into())),
            }
        })
    }
}

/// The type of the mount on which a descriptor lies, by the number of that mount (proc_pid_fdinfo(5)) in the process's mount
/// table; that has no mount in which a chroot(2) lies, but then the host's table has its device.
fn file_system(pid: Pid, host: Pid, descriptor: i32) -> Option<String> {
    let about = proc::read(pid, &format!("fdinfo/{descriptor}"));
    let mount = field(&about, "mnt_id")?;
    let with = |table: &str, column, word: &str| {
        let line = table.lines().find(|line| line.split(' ').nth(column) == Some(word))?;
        line.split_once(" - ")?.1.split(' ').next().map(str::to_owned)
    };
    with(&proc::read(pid, "mountinfo"), 0, mount).or_else(|| {
        let device = fs::metadata(format!("/proc/{pid}/fd/{descriptor}")).ok()?.dev();
        let device = format!("{}:{}", libc::major(device), libc::minor(device));
        with(&proc::read(host, "mountinfo"), 2, &device)
    })
}

/// pidfd_getfd(2).
fn duplicate(pid: Pid, descriptor: i32) -> nix::Result<OwnedFd> {
    // SAFETY: both calls take integers and return a descriptor, which we own.
    unsafe {
        let process = Errno::result(libc::syscall(libc::SYS_pidfd_open, pid.as_raw(), 0))?;
        let process = OwnedFd::from_raw_fd(process as RawFd);
        let number = libc::SYS_pidfd_getfd;
        let taken = Errno::result(libc::syscall(number, process.as_raw_fd(), descriptor, 0))?;
        Ok(OwnedFd::from_raw_fd(taken as RawFd))
    }
}
