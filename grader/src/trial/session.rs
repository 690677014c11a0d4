//! One start of a target in a decoy: its streams are drained, its probe is recognised and talked to, and every
//! end that wait(2) tells of is noted. Everything happens in one loop over poll(2).

use super::observe::{self, Identity};
use crate::decoy::start::{Program, Running};
use crate::decoy::{Decoy, ending, random_word};
use anyhow::{Context, Result};
use attempts::host::Ending;
use attempts::wire::{Answer, Question};
use nix::errno::Errno;
use nix::libc;
use nix::poll::{PollFd, PollFlags, PollTimeout, poll};
use nix::sys::ptrace;
use nix::sys::signal::Signal;
use nix::sys::signalfd::SignalFd;
use nix::sys::socket::{getsockopt, sockopt::PeerCredentials};
use nix::unistd::Pid;
use std::collections::BTreeMap;
use std::fs::File;
use std::io::{Read, Write};
use std::os::fd::AsFd;
use std::os::unix::net::UnixStream;
use std::time::{Duration, Instant};

/// As much of a stream as is kept.
const KEPT: usize = 64 << 10;
/// A line of a probe is never longer.
const LONGEST_LINE: usize = 64 << 10;

/// A target that was started.
pub struct Session<'a> {
    decoy: &'a Decoy,
    children: &'a SignalFd,
    running: Running,
    deadline: Instant,
    /// Whether the host traces the program from its first instruction.
    watched: bool,
    stdout: Stream,
    stderr: Stream,
    guest: Option<Guest>,
    /// Why others who connected were not believed.
    pub refused: Vec<String>,
    /// Traced processes that have ended, and how.
    pub deaths: BTreeMap<i32, Ending>,
    /// The files that were executed, in order: device and inode, and the name.
    pub executed: Vec<((u64, u64), String)>,
}

#[derive(Default)]
struct Stream {
    kept: Vec<u8>,
    ended: bool,
}

/// The probe, once the host knows that it is the probe.
pub struct Guest {
    /// Its process, as the grader sees it.
    pub pid: Pid,
    stream: UnixStream,
    unread: Vec<u8>,
    ended: bool,
    key: String,
    answers: Vec<Answer>,
}

impl<'a> Session<'a> {
    /// Starts a program in a decoy.
    pub fn start(
        decoy: &'a Decoy,
        children: &'a SignalFd,
        program: &Program,
        limit: Duration,
    ) -> Result<Session<'a>> {
        let watched = program.watched;
        let mut running = decoy.start(program)?;
        if watched {
            let follow = ptrace::Options::PTRACE_O_TRACEEXEC
                | ptrace::Options::PTRACE_O_TRACEFORK
                | ptrace::Options::PTRACE_O_TRACEVFORK
                | ptrace::Options::PTRACE_O_TRACECLONE;
            ptrace::seize(running.pid, follow).context("following the program with ptrace(2)")?;
        }
        running.go()?;
        Ok(Session {
            decoy,
            children,
            running,
            deadline: Instant::now() + limit,
            watched,
            stdout: Stream::default(),
            stderr: Stream::default(),
            guest: None,
            refused: Vec::new(),
            deaths: BTreeMap::new(),
            executed: Vec::new(),
        })
    }

    /// Waits until the probe has said hello. False where the program ended before, or time ran out.
    pub fn hello(&mut self) -> Result<bool> {
        self.until(|it| it.guest.is_some() || it.over())?;
        Ok(self.guest.is_some())
    }

    /// The probe.
    pub fn guest(&self) -> Option<&Guest> {
        self.guest.as_ref()
    }

    /// Seizes a process, so that its end is told to us and nobody else can trace it.
    pub fn seize(&self, pid: Pid) -> nix::Result<()> {
        ptrace::seize(pid, ptrace::Options::empty())
    }

    /// Asks the probe to do a check, and waits for the end of its answer. Returns what it said until then.
    pub fn ask(&mut self, check: &str, mark: &str) -> Result<Vec<Answer>> {
        let question = Question { key: random_word(32)?, check: check.into(), mark: mark.into() };
        let guest = self.guest.as_mut().context("no probe to ask")?;
        guest.key.clone_from(&question.key);
        guest.answers.clear();
        if guest.stream.write_all(question.line().as_bytes()).is_err() {
            guest.ended = true;
        }
        self.until(|it| {
            it.decoy.ending() != Ending::None
                || it.guest.as_ref().is_none_or(|guest| {
                    guest.ended || matches!(guest.answers.last(), Some(Answer::Got(..) | Answer::Not(..)))
                })
        })?;
        if self.guest.as_ref().is_some_and(|guest| guest.ended) {
            // It died: wait until the kernel has told how, and what followed from it.
            let patience = Instant::now() + Duration::from_secs(1);
            self.until(|it| {
                let dead = it.guest.as_ref().is_none_or(|guest| it.deaths.contains_key(&guest.pid.as_raw()));
                dead || Instant::now() > patience
            })?;
            let patience = Instant::now() + Duration::from_millis(20);
            self.until(|it| it.over() || Instant::now() > patience)?;
        }
        Ok(self.guest.as_mut().map(|guest| std::mem::take(&mut guest.answers)).unwrap_or_default())
    }

    /// Tells the probe to write a word to standard output and to exit, and waits for the program's end.
    pub fn dismiss(&mut self, status: i32, word: &str) -> Result<()> {
        if let Some(guest) = &mut self.guest {
            let question = Question {
                key: "end".into(),
                check: attempts::wire::EXIT.into(),
                mark: format!("{status}:{word}"),
            };
            let _ = guest.stream.write_all(question.line().as_bytes());
        }
        self.until(|it| it.over())?;
        // What it wrote is in the pipe by now.
        self.drain();
        Ok(())
    }

    /// Whether the program, or the whole decoy, has ended.
    fn over(&self) -> bool {
        self.decoy.program() != Ending::None || self.decoy.ending() != Ending::None
    }

    /// How the program has ended, if it has.
    pub fn program(&self) -> Ending {
        self.decoy.program()
    }

    /// Whether time ran out before the end.
    pub fn timed_out(&self) -> bool {
        Instant::now() >= self.deadline
    }

    /// What was written to standard output so far: the first 64 KiB.
    pub fn stdout(&self) -> &[u8] {
        &self.stdout.kept
    }

    /// What was written to standard error so far: the first 64 KiB.
    pub fn stderr(&self) -> &[u8] {
        &self.stderr.kept
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
            let (out, err) = (watch(self.stdout.ended), watch(self.stderr.ended));
            if !out.is_empty() {
                fds.push(PollFd::new(self.running.stdout.as_fd(), out));
            }
            if !err.is_empty() {
                fds.push(PollFd::new(self.running.stderr.as_fd(), err));
            }
            if let Some(guest) = self.guest.as_ref().filter(|guest| !guest.ended) {
                fds.push(PollFd::new(guest.stream.as_fd(), PollFlags::POLLIN));
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
        self.drain();
        if ready[2] {
            self.accept()?;
        }
        self.read_guest();
        Ok(())
    }

    fn drain(&mut self) {
        self.stdout.drain(&mut self.running.stdout);
        self.stderr.drain(&mut self.running.stderr);
    }

    /// Notes every end, and lets every traced process that stopped go on.
    fn reap(&mut self) -> Result<()> {
        loop {
            let mut status = 0;
            // SAFETY: waitpid(2) writes one int.
            let pid = unsafe { libc::waitpid(-1, &mut status, libc::WNOHANG | libc::__WALL) };
            if pid <= 0 {
                return Ok(());
            }
            if libc::WIFSTOPPED(status) {
                self.stopped(Pid::from_raw(pid), status);
            } else if pid == self.decoy.pid1().as_raw() {
                self.decoy.ended(ending(status));
            } else {
                self.deaths.insert(pid, ending(status));
            }
        }
    }

    fn stopped(&mut self, pid: Pid, status: i32) {
        let event = status >> 16;
        if event == libc::PTRACE_EVENT_EXEC {
            let Identity { exe, exe_name, .. } = observe::identity(pid);
            self.executed.push((exe.unwrap_or_default(), exe_name));
        }
        // A stop without an event is a signal on its way: it is delivered.
        let signal = if event == 0 { libc::WSTOPSIG(status) } else { 0 };
        // SAFETY: ptrace(2) with two integers. nix's cont knows no real-time signals.
        unsafe { libc::ptrace(libc::PTRACE_CONT, pid.as_raw(), 0, signal) };
    }

    /// Takes a connection if it is the probe's.
    fn accept(&mut self) -> Result<()> {
        let Ok((stream, _)) = self.decoy.listener.accept() else { return Ok(()) };
        let peer = getsockopt(&stream, PeerCredentials).context("SO_PEERCRED")?;
        let pid = Pid::from_raw(peer.pid());
        if self.guest.is_some() {
            self.refused.push("a second process connected as the probe".into());
            return Ok(());
        }
        match self.recognise(pid) {
            Ok(()) => {
                stream.set_nonblocking(false)?;
                self.guest = Some(Guest {
                    pid,
                    stream,
                    unread: Vec::new(),
                    ended: false,
                    key: String::new(),
                    answers: Vec::new(),
                });
            }
            Err(why) => self.refused.push(why),
        }
        Ok(())
    }

    /// Whether a process is the probe, by what the kernel says of it.
    fn recognise(&self, pid: Pid) -> std::result::Result<(), String> {
        let it = observe::identity(pid);
        if pid.as_raw() <= 0 || it.exe.is_none() {
            return Err("a process that was gone at once spoke on the probe's socket".into());
        }
        if it.exe != Some(self.decoy.ready.probe) {
            return Err(format!("{} spoke on the probe's socket: it is not the probe", it.exe_name));
        }
        if it.tracer != 0 && !self.watched {
            return Err("the probe was being traced".into());
        }
        // The last word on reboot(2): never in a PID namespace that is the grader's own or the machine's first.
        let theirs = observe::namespace(pid, "pid");
        if theirs.is_none() || theirs == observe::namespace(Pid::this(), "pid") || theirs == Some(0xEFFF_FFFC)
        {
            return Err("the probe was outside of the decoy's PID namespace".into());
        }
        Ok(())
    }

    fn read_guest(&mut self) {
        let Some(guest) = self.guest.as_mut().filter(|guest| !guest.ended) else { return };
        let mut buffer = [0; 16 << 10];
        loop {
            match nix::sys::socket::recv(
                std::os::fd::AsRawFd::as_raw_fd(&guest.stream),
                &mut buffer,
                nix::sys::socket::MsgFlags::MSG_DONTWAIT,
            ) {
                Ok(0) => guest.ended = true,
                Ok(length) => {
                    guest.unread.extend(&buffer[..length]);
                    guest.ended |= guest.unread.len() > LONGEST_LINE && !guest.unread.contains(&b'\n');
                }
                Err(Errno::EINTR) => continue,
                Err(Errno::EAGAIN) => break,
                Err(_) => guest.ended = true,
            }
            while let Some(end) = guest.unread.iter().position(|byte| *byte == b'\n') {
                let line: Vec<u8> = guest.unread.drain(..=end).collect();
                let line = String::from_utf8_lossy(&line[..end]);
                guest.answers.extend(Answer::parse(&guest.key, &line));
            }
            if guest.ended {
                break;
            }
        }
    }
}

impl Stream {
    /// Reads what is there, and keeps the beginning. Whoever writes a gigabyte fills no memory of ours.
    fn drain(&mut self, file: &mut File) {
        let mut buffer = [0; 16 << 10];
        // Not more at once: a stream without end must not hold the loop.
        for _ in 0..64 {
            if self.ended {
                return;
            }
            match file.read(&mut buffer) {
                Ok(0) => self.ended = true,
                Ok(length) => {
                    let room = KEPT.saturating_sub(self.kept.len()).min(length);
                    self.kept.extend(&buffer[..room]);
                }
                Err(error) if error.raw_os_error() == Some(libc::EAGAIN) => return,
                Err(error) if error.raw_os_error() == Some(libc::EINTR) => {}
                // A terminal whose other end is closed.
                Err(_) => self.ended = true,
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
