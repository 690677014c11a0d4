//! One start of a target in a decoy: its streams are drained, its probe is recognised and talked to, and every
//! end that wait(2) tells of is noted. Everything happens in one loop over poll(2).
//!
//! # Layout
//! - [`authenticate`]: whether who speaks is the probe. [`follow`]: what the kernel tells of it.
//! - [`stops`]: processes that the host holds. [`refusals`]: who is not believed. [`stream`]: what the program writes.

pub mod authenticate;
pub mod follow;
pub mod refusals;
pub mod stops;
mod stream;

use super::Stage;
use super::attacker::find::Command;
use super::group::ContainerGroup;
use super::image::Image;
use super::memory;
use crate::decoy::Decoy;
use crate::decoy::start::{Program, Started, Streams};
use crate::random::random_word;
use anyhow::{Context, Result};
use attempts::host::Ending;
use attempts::rules::Rules;
use attempts::wire::{Answer, Question};
use authenticate::Probe;
use follow::Call;
use nix::errno::Errno;
use nix::libc;
use nix::poll::{PollFd, PollFlags, PollTimeout, poll};
use nix::sys::ptrace;
use nix::sys::signal::Signal;
use nix::sys::signalfd::SignalFd;
use nix::unistd::Pid;
use refusals::Refusals;
use std::collections::{BTreeMap, BTreeSet};
use std::fs::File;
use std::io::Write;
use std::os::fd::AsFd;
use std::time::{Duration, Instant};
use stream::Stream;

/// As much of a stream as is kept.
const KEPT: usize = 64 << 10;

/// A target that was started.
pub struct Session<'a> {
    decoy: &'a Decoy,
    children: &'a SignalFd,
    image: &'a Image,
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
    probe: Option<Probe>,
    /// Why others who connected were not believed.
    pub refused: Refusals,
    /// Traced processes that have ended, and how.
    pub deaths: BTreeMap<i32, Ending>,
    /// The rules that are in force.
    pub rules: Rules,
    /// Processes that stay where they stop.
    held: BTreeMap<i32, stops::Held>,
    /// Traced processes that somebody has sent a SIGSYS: what ends them is no filter.
    sent_sigsys: BTreeSet<i32>,
    /// The files that were executed, in order: device and inode, and the name. Not all, where there are very many.
    pub executed: Vec<((u64, u64), String)>,
    /// The system calls of the seized probe since it was asked, as the kernel tells them.
    pub calls: Vec<Call>,
    /// The calls at which the host looks at the probe's memory again.
    decisive: Vec<u64>,
    /// What it found there.
    tampered: Option<String>,
    /// Whether the seized probe has stopped for the first time.
    followed: bool,
    /// Whether the probe was let go: its calls are of no interest any more.
    left: bool,
    /// What the probe has read and written since it was asked, as its own system calls tell.
    heard: Vec<u8>,
    spoken: Vec<u8>,
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
            image: &stage.image,
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
            probe: None,
            refused: Refusals::default(),
            deaths: BTreeMap::new(),
            rules: stage.rules,
            held: BTreeMap::new(),
            sent_sigsys: BTreeSet::new(),
            executed: Vec::new(),
            calls: Vec::new(),
            decisive: Vec::new(),
            tampered: None,
            followed: false,
            left: false,
            heard: Vec::new(),
            spoken: Vec::new(),
        })
    }

    /// From now on the command is held as soon as it is executed in a root directory of its own, before it can end: who
    /// gets no input ends at once. For a program that the host traces from its first instruction.
    pub fn catch(&mut self, command: &'a Command) {
        self.awaited = Some(command);
    }

    /// Waits until the probe has said hello. False where the program ended before, or time ran out.
    pub fn hello(&mut self) -> Result<bool> {
        self.until(|it| it.probe.is_some() || it.over())?;
        Ok(self.probe.is_some())
    }

    /// The probe.
    pub fn probe(&self) -> Option<&Probe> {
        self.probe.as_ref()
    }

    /// Asks the probe to do a check, and waits for the end of its answer. Returns what it said until then.
    pub fn ask(
        &mut self,
        check: &str,
        mark: &str,
        given: Vec<(String, String)>,
    ) -> Result<(String, Vec<Answer>)> {
        let question = Question { key: random_word(32)?, check: check.into(), mark: mark.into(), given };
        let probe = self.probe.as_mut().context("no probe to ask")?;
        probe.key.clone_from(&question.key);
        probe.answers.clear();
        probe.kept = 0;
        // The read(2) in which it waits for the question may have begun.
        self.calls.retain(|call| call.number == libc::SYS_read as u64 && call.returned.is_none());
        self.heard.clear();
        self.spoken.clear();
        self.tell(&question);
        self.until(|it| {
            it.decoy.ending() != Ending::None
                || it.probe_died()
                || it.probe.as_ref().is_none_or(|probe| {
                    // Its streams are the program's, and end with it.
                    let silent = probe.stream.is_none() && it.over();
                    probe.ended
                        || silent
                        || matches!(probe.answers.last(), Some(Answer::Got(..) | Answer::Not(..)))
                })
        })?;
        if self.probe_died() || self.probe.as_ref().is_some_and(|probe| probe.ended) {
            // Wait until the kernel has told how it died, and what followed from it. On a busy machine the end of
            // a whole PID namespace takes its time. Of a process that is not traced it tells nothing.
            let patience = Instant::now() + Duration::from_secs(if self.followed { 3 } else { 0 });
            self.until(|it| {
                it.probe_died() || it.decoy.ending() != Ending::None || Instant::now() > patience
            })?;
            let patience = Instant::now() + Duration::from_secs(1);
            self.until(|it| it.over() || Instant::now() > patience)?;
        }
        let answers = self.probe.as_mut().map(|probe| std::mem::take(&mut probe.answers)).unwrap_or_default();
        Ok((question.line(), answers))
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

    /// Lets the probe go, and waits for the program's end.
    ///
    /// # Returns
    /// Whether the program has ended, and its host has not.
    pub fn leave(&mut self) -> Result<bool> {
        self.left = true;
        let (check, key, mark) = (attempts::wire::EXIT.into(), "end".into(), "0".into());
        self.tell(&Question { key, check, mark, given: Vec::new() });
        let patience = Instant::now() + Duration::from_millis(500);
        self.until(|it| it.over() || Instant::now() > patience)?;
        Ok(self.program() != Ending::None && self.decoy.ending() == Ending::None)
    }

    /// Whether the kernel has told of the probe's end.
    fn probe_died(&self) -> bool {
        let pid = self.probe.as_ref().and_then(|probe| probe.pid);
        pid.is_some_and(|pid| self.deaths.contains_key(&pid.as_raw()))
    }

    /// Sends the probe a line.
    fn tell(&mut self, question: &Question) {
        let Some(probe) = &mut self.probe else { return };
        let line = question.line();
        let sent = match &mut probe.stream {
            Some(stream) => stream.write_all(line.as_bytes()),
            None => self.running.stdin.write_all(line.as_bytes()),
        };
        probe.ended |= sent.is_err();
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
                PollFd::new(self.decoy.listener.as_fd(), PollFlags::POLLIN),
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
            let probe = self.probe.as_ref().filter(|probe| !probe.ended);
            if let Some(stream) = probe.and_then(|probe| probe.stream.as_ref()) {
                fds.push(PollFd::new(stream.as_fd(), PollFlags::POLLIN));
            }
            let left = self.deadline.saturating_duration_since(Instant::now()).as_millis().min(10) as u16;
            match poll(&mut fds, PollTimeout::from(left.max(1))) {
                Ok(_) | Err(Errno::EINTR) => {}
                Err(errno) => return Err(errno).context("poll(2)"),
            }
            [0, 1, 2].map(|at| fds[at].any().unwrap_or(true))
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
        if ready[2] {
            self.accept()?;
        }
        self.read_probe();
        Ok(())
    }

    fn drain(&mut self) {
        let known = self.stdout.kept.len();
        if let Some(stderr) = &mut self.stderr {
            stderr.drain(&mut self.running.stderr, |_| {});
        }
        match &mut self.probe {
            Some(probe) if probe.stream.is_none() => {
                self.stdout.drain(&mut self.running.stdout, |fresh| probe.hear(fresh));
            }
            Some(_) => self.stdout.drain(&mut self.running.stdout, |_| {}),
            None => {
                self.stdout.drain(&mut self.running.stdout, |_| {});
                if self.stdout.kept.len() > known {
                    self.hello_on_stdout();
                }
            }
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
