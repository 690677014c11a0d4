//! One start of a target in a decoy: its streams are drained, and every end and stop that wait(2) tells of is noted.
//! Everything happens in one loop over poll(2).
//!
//! # Layout
//! - [`follow`]: what wait(2) tells. [`executions`]: the programs that were executed. [`stops`]: processes that the host holds.
//!   [`stream`]: what the program writes.

pub mod executions;
pub mod follow;
pub mod stops;
mod stream;

use super::Stage;
use super::attacker::command::Command;
use super::attacker::filtered::Filtered;
use super::group::ContainerGroup;
use super::memory;
use crate::decoy::Decoy;
use crate::decoy::start::{Program, Started, Streams};
use crate::proc;
use anyhow::{Context, Result};
use attempts::host::Ending;
use attempts::rules::Rules;
use executions::Executions;
use nix::errno::Errno;
use nix::poll::{PollFd, PollFlags, PollTimeout, poll};
use nix::sys::ptrace;
use nix::sys::signal::{Signal, kill};
use nix::sys::signalfd::SignalFd;
use nix::unistd::Pid;
use std::collections::BTreeMap;
use std::fs::File;
use std::io::Write;
use std::os::fd::AsFd;
use std::time::{Duration, Instant};
use stream::Stream;

/// Who was killed is gone within this time.
const KILLED: Duration = Duration::from_secs(2);

/// As much of a stream as is kept.
const KEPT: usize = 64 << 10;

/// A target that was started.
pub struct Session<'a> {
    decoy: &'a Decoy,
    children: &'a SignalFd,
    running: Started,
    /// Its number in the decoy.
    number: usize,
    deadline: Instant,
    /// Where no group limits its memory.
    memory: Option<memory::Watch>,
    /// Why the decoy was ended before its time, if so.
    pub ended_for: Option<String>,
    /// Whether the host traces the program from its first instruction.
    watched: bool,
    /// The command that it then holds as soon as it is executed.
    awaited: Option<&'a Command>,
    /// The process that has executed it.
    pub caught: Option<Pid>,
    stdout: Stream,
    /// None where standard output brings it as well.
    stderr: Option<Stream>,
    /// Traced processes that have ended, and how.
    pub deaths: BTreeMap<i32, Ending>,
    /// The rules that are in force.
    pub rules: Rules,
    /// Calls that an attacker leaves out.
    pub filtered: Filtered,
    /// Processes that stay where they stop.
    held: BTreeMap<i32, stops::Held>,
    /// The programs that were executed, where the host watches.
    pub executions: Executions,
}

impl<'a> Session<'a> {
    /// Starts a program in a decoy, in a control group if one is given.
    pub fn start(
        decoy: &'a Decoy,
        stage: &'a Stage,
        program: &Program,
        job: Option<&ContainerGroup>,
    ) -> Result<Session<'a>> {
        let watched = program.watched;
        let (mut running, number) = decoy.start(program)?;
        if watched {
            let follow = ptrace::Options::PTRACE_O_TRACESYSGOOD
                | ptrace::Options::PTRACE_O_TRACEEXEC
                | ptrace::Options::PTRACE_O_TRACEFORK
                | ptrace::Options::PTRACE_O_TRACEVFORK
                | ptrace::Options::PTRACE_O_TRACECLONE;
            ptrace::seize(running.pid, follow).context("following the program with ptrace(2)")?;
        }
        match job {
            Some(job) => job.take(running.pid)?,
            None => stage.groups.admit(running.pid)?,
        }
        running.go()?;
        // One terminal on all three: whatever is written comes in once, and not on a stream by chance.
        let one = matches!(program.streams, Streams::Terminal | Streams::FreeTerminal);
        Ok(Session {
            decoy,
            children: &stage.children,
            running,
            number,
            deadline: Instant::now() + stage.limit,
            memory: (!stage.groups.limit_memory()).then(|| memory::Watch::start(decoy.pid1())),
            ended_for: None,
            watched,
            awaited: None,
            caught: None,
            stdout: Stream::default(),
            stderr: (!one).then(Stream::default),
            deaths: BTreeMap::new(),
            rules: stage.rules,
            filtered: Filtered::default(),
            held: BTreeMap::new(),
            executions: Executions::default(),
        })
    }

    /// Starts a program with a command. Where the host traces it from its first instruction, the command is held as soon as it
    /// is executed in a root directory of its own, before it can end: who gets no input ends at once.
    ///
    /// # Errors
    /// As for [`Session::start`].
    pub fn start_with(
        decoy: &'a Decoy,
        stage: &'a Stage,
        (program, command): (&Program, &'a Command),
        job: Option<&ContainerGroup>,
    ) -> Result<Session<'a>> {
        let session = Session::start(decoy, stage, program, job)?;
        Ok(Session { awaited: program.watched.then_some(command), ..session })
    }

    /// Turns the loop until `find` has found something, the program has ended, or time runs out.
    pub fn look_for<T>(&mut self, mut find: impl FnMut(&Self) -> Option<T>) -> Result<Option<T>> {
        loop {
            let found = find(self);
            if found.is_some() || self.over() || self.timed_out() {
                return Ok(found);
            }
            self.turn()?;
        }
    }

    /// Waits until the program has written this to its standard output, or so long. Whether it has.
    pub fn hears(&mut self, word: &str, patience: Duration) -> Result<bool> {
        let patience = Instant::now() + patience;
        let heard = |it: &Self| it.stdout.kept.windows(word.len()).any(|window| window == word.as_bytes());
        self.until(|it| heard(it) || it.over() || Instant::now() > patience)?;
        Ok(heard(self))
    }

    /// Writes a line to the program's standard input. Who closed it is told so by the check.
    pub fn write_line(&mut self, line: &str) {
        let _ = self.running.stdin.write_all(format!("{line}\n").as_bytes());
    }

    /// Waits for the program's end, or so long.
    pub fn wait(&mut self, patience: Duration) -> Result<()> {
        let patience = Instant::now() + patience;
        self.until(|it| it.over() || Instant::now() > patience)?;
        // What it wrote is in the pipe by now.
        self.drain();
        Ok(())
    }

    /// Ends its commands, and waits for the program's end. Whether that has ended, and its host has not.
    pub fn end_commands(&mut self, commands: &[Pid]) -> Result<bool> {
        for pid in commands {
            let _ = kill(*pid, Signal::SIGKILL);
        }
        self.wait(Duration::from_millis(500))?;
        Ok(self.program() != Ending::None && !self.host_is_dead())
    }

    /// Ends the program and all that it has made, also when its time has run out, and waits for its end.
    pub fn kill(&mut self) {
        for pid in proc::descendants(self.pid()).into_iter().chain([self.pid()]) {
            let _ = kill(pid, Signal::SIGKILL);
        }
        self.deadline = Instant::now() + KILLED;
        let _ = self.wait(KILLED);
    }

    /// Whether the decoy's PID 1 has died.
    pub fn host_is_dead(&self) -> bool {
        self.decoy.ending() != Ending::None
    }

    /// Whether the program, or the whole decoy, has ended.
    pub fn over(&self) -> bool {
        self.program() != Ending::None || self.decoy.ending() != Ending::None
    }

    /// The program's own end of its terminal, where it has one.
    pub fn terminal(&self) -> Option<&File> {
        self.running.terminal.as_ref()
    }

    /// The master of that terminal.
    pub fn master(&self) -> &File {
        &self.running.stdin
    }

    /// PID 1 of the decoy host.
    pub fn host(&self) -> Pid {
        self.decoy.pid1()
    }

    /// The program's process.
    pub fn pid(&self) -> Pid {
        self.running.pid
    }

    /// How the program has ended, if it has.
    pub fn program(&self) -> Ending {
        self.decoy.program(self.number)
    }

    /// Whether time ran out before the end.
    pub fn timed_out(&self) -> bool {
        Instant::now() >= self.deadline
    }

    /// What was written to standard output so far: the first 64 KiB.
    pub fn stdout(&self) -> &[u8] {
        &self.stdout.kept
    }

    /// What was written to standard error so far: the first 64 KiB. On a terminal also what was written to
    /// standard output.
    pub fn stderr(&self) -> &[u8] {
        &self.stderr.as_ref().unwrap_or(&self.stdout).kept
    }

    /// Why the program could not be executed, if so.
    pub fn exec_error(&mut self) -> Option<String> {
        self.running.exec_error()
    }

    /// Runs the loop until the condition holds or time runs out.
    fn until(&mut self, done: impl Fn(&Self) -> bool) -> Result<()> {
        while !done(self) && !self.timed_out() {
            self.turn()?;
        }
        Ok(())
    }

    fn turn(&mut self) -> Result<()> {
        let ready = {
            let mut fds = vec![
                PollFd::new(self.children.as_fd(), PollFlags::POLLIN),
                PollFd::new(self.decoy.as_fd(), PollFlags::POLLIN),
            ];
            // A stream at its end stays readable.
            let watch = |ended: bool| if ended { PollFlags::empty() } else { PollFlags::POLLIN };
            let err = self.stderr.as_ref().is_none_or(|stderr| stderr.ended);
            let (out, err) = (watch(self.stdout.ended), watch(err));
            if !out.is_empty() {
                fds.push(PollFd::new(self.running.stdout.as_fd(), out));
            }
            if !err.is_empty() {
                fds.push(PollFd::new(self.running.stderr.as_fd(), err));
            }
            let left = self.deadline.saturating_duration_since(Instant::now()).as_millis().min(10) as u16;
            match poll(&mut fds, PollTimeout::from(left.max(1))) {
                Ok(_) | Err(Errno::EINTR) => {}
                Err(errno) => return Err(errno).context("poll(2)"),
            }
            [0, 1].map(|at| fds[at].any().unwrap_or(true))
        };
        if ready[0] {
            while let Ok(Some(_)) = self.children.read_signal() {}
            self.reap()?;
        }
        if ready[1] && self.decoy.ending() == Ending::None && self.decoy.listen().is_err() {
            // Its PID 1 is dying: wait(2) will tell how.
        }
        if self.decoy.ending() == Ending::None
            && let Some(why) = self.memory.as_mut().and_then(memory::Watch::exceeded)
        {
            self.decoy.end();
            self.ended_for = Some(why);
        }
        self.drain();
        Ok(())
    }

    fn drain(&mut self) {
        self.stdout.drain(&mut self.running.stdout);
        if let Some(stderr) = &mut self.stderr {
            stderr.drain(&mut self.running.stderr);
        }
    }
}

/// SIGCHLD as a descriptor.
pub fn children() -> Result<SignalFd> {
    use nix::sys::signal::SigSet;
    use nix::sys::signalfd::SfdFlags;
    let mut mask = SigSet::empty();
    mask.add(Signal::SIGCHLD);
    mask.thread_block()?;
    Ok(SignalFd::with_flags(&mask, SfdFlags::SFD_CLOEXEC | SfdFlags::SFD_NONBLOCK)?)
}
