//! One start of a target in a decoy: its streams are drained, its probe is recognised and talked to, and every
//! end that wait(2) tells of is noted. Everything happens in one loop over poll(2).

use super::Stage;
use super::group::Job;
use super::image::{self, Image};
use super::observe::{self, Identity};
use crate::decoy::start::{Program, Running, Streams};
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
use nix::sys::socket::{MsgFlags, getsockopt, recv, sockopt::PeerCredentials};
use nix::unistd::Pid;
use std::collections::{BTreeMap, BTreeSet};
use std::fs::File;
use std::io::{Read, Write};
use std::os::fd::{AsFd, AsRawFd};
use std::os::unix::net::UnixStream;
use std::time::{Duration, Instant};

/// As much of a stream as is kept.
const KEPT: usize = 64 << 10;
/// At so many decisive calls of one answer the host looks at the probe's memory.
const LOOKS: usize = 16;
/// A line of a probe is never longer.
const LONGEST_LINE: usize = 64 << 10;

/// `si_code` of a SIGSYS from a filter: include/uapi/asm-generic/siginfo.h.
const SYS_SECCOMP: i32 = 1;

/// A target that was started.
pub struct Session<'a> {
    decoy: &'a Decoy,
    children: &'a SignalFd,
    probe: &'a Image,
    running: Running,
    /// Its number in the decoy.
    number: usize,
    /// The probe of another start, which runs at the same time.
    pub beside: Option<Pid>,
    deadline: Instant,
    /// Whether the host traces the program from its first instruction.
    watched: bool,
    stdout: Stream,
    /// None where standard output brings it as well.
    stderr: Option<Stream>,
    guest: Option<Guest>,
    /// Why others who connected were not believed.
    pub refused: Vec<String>,
    /// Traced processes that have ended, and how.
    pub deaths: BTreeMap<i32, Ending>,
    /// Traced processes that somebody has sent a SIGSYS: what ends them is no filter.
    sent_sigsys: BTreeSet<i32>,
    /// The files that were executed, in order: device and inode, and the name.
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

#[derive(Default)]
struct Stream {
    kept: Vec<u8>,
    ended: bool,
}

/// The probe, once the host knows that it is the probe.
#[derive(Default)]
pub struct Guest {
    /// Its process, as the grader sees it. None where it speaks over standard output and the host could not
    /// find it.
    pub pid: Option<Pid>,
    /// Its socket; none where it speaks over the standard streams.
    stream: Option<UnixStream>,
    unread: Vec<u8>,
    ended: bool,
    key: String,
    answers: Vec<Answer>,
}

impl<'a> Session<'a> {
    /// Starts a program in a decoy, in a control group if one is given.
    pub fn start(
        decoy: &'a Decoy,
        stage: &'a Stage,
        program: &Program,
        job: Option<&Job>,
    ) -> Result<Session<'a>> {
        let watched = program.watched;
        let (mut running, number) = decoy.start(program)?;
        if watched {
            let follow = ptrace::Options::PTRACE_O_TRACEEXEC
                | ptrace::Options::PTRACE_O_TRACEFORK
                | ptrace::Options::PTRACE_O_TRACEVFORK
                | ptrace::Options::PTRACE_O_TRACECLONE;
            ptrace::seize(running.pid, follow).context("following the program with ptrace(2)")?;
        }
        if let Some(job) = job {
            job.take(running.pid)?;
        }
        running.go()?;
        // One terminal on all three: whatever is written comes in once, and not on a stream by chance.
        let one = matches!(program.streams, Streams::Terminal | Streams::FreeTerminal);
        Ok(Session {
            decoy,
            children: &stage.children,
            probe: &stage.image,
            running,
            number,
            beside: None,
            deadline: Instant::now() + stage.limit,
            watched,
            stdout: Stream::default(),
            stderr: (!one).then(Stream::default),
            guest: None,
            refused: Vec::new(),
            deaths: BTreeMap::new(),
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
        ptrace::seize(pid, ptrace::Options::PTRACE_O_TRACESYSGOOD)
    }

    /// From here on every system call of the probe, which is seized, is noted. At the `decisive` ones the host
    /// compares its memory with its file.
    pub fn follow_calls(&mut self, decisive: &[i64]) -> Result<()> {
        self.decisive = decisive.iter().map(|number| *number as u64).collect();
        if let Some(pid) = self.guest.as_ref().and_then(|guest| guest.pid) {
            // It stops, and `stopped` lets it go on from call to call. Until then nothing is asked.
            ptrace::interrupt(pid)?;
            self.until(|it| it.followed || it.over() || it.guest_died())?;
        }
        Ok(())
    }

    /// Whether the probe was asked what the host asked, and itself said what the host was told: a socket can be
    /// taken from a process (pidfd_getfd(2)), or handed over by one that connected before it became the probe.
    /// And whether it is still what it was.
    pub fn hold_together(&mut self, question: &str, answers: &[Answer]) -> std::result::Result<(), String> {
        if let Some(why) = self.tampered.take() {
            return Err(why);
        }
        let Some(guest) = self.guest.as_ref() else { return Ok(()) };
        let Some(pid) = guest.pid else { return Ok(()) };
        let asked = question.trim_end().as_bytes();
        if !answers.is_empty() && !self.heard.windows(asked.len()).any(|window| window == asked) {
            return Err("the probe was asked something else than the host asked".into());
        }
        let spoken = String::from_utf8_lossy(&self.spoken);
        let mut spoken = spoken.lines().filter_map(|line| Answer::parse(&guest.key, line));
        if !answers.iter().all(|answer| spoken.any(|said| said == *answer)) {
            return Err("somebody else spoke in the probe's name".into());
        }
        if self.guest_died() || self.over() || !observe::runs(pid) { Ok(()) } else { self.probe.check(pid) }
    }

    /// Asks the probe to do a check, and waits for the end of its answer. Returns what it said until then.
    pub fn ask(
        &mut self,
        check: &str,
        mark: &str,
        given: Vec<(String, String)>,
    ) -> Result<(String, Vec<Answer>)> {
        let question = Question { key: random_word(32)?, check: check.into(), mark: mark.into(), given };
        let guest = self.guest.as_mut().context("no probe to ask")?;
        guest.key.clone_from(&question.key);
        guest.answers.clear();
        // The read(2) in which it waits for the question may have begun.
        self.calls.retain(|call| call.number == libc::SYS_read as u64 && call.returned.is_none());
        self.heard.clear();
        self.spoken.clear();
        self.tell(&question);
        self.until(|it| {
            it.decoy.ending() != Ending::None
                || it.guest_died()
                || it.guest.as_ref().is_none_or(|guest| {
                    // Its streams are the program's, and end with it.
                    let silent = guest.stream.is_none() && it.over();
                    guest.ended
                        || silent
                        || matches!(guest.answers.last(), Some(Answer::Got(..) | Answer::Not(..)))
                })
        })?;
        if self.guest_died() || self.guest.as_ref().is_some_and(|guest| guest.ended) {
            // Wait until the kernel has told how it died, and what followed from it. On a busy machine the end of
            // a whole PID namespace takes its time. Of a process that is not traced it tells nothing.
            let patience = Instant::now() + Duration::from_secs(if self.followed { 3 } else { 0 });
            self.until(|it| {
                it.guest_died() || it.decoy.ending() != Ending::None || Instant::now() > patience
            })?;
            let patience = Instant::now() + Duration::from_secs(1);
            self.until(|it| it.over() || Instant::now() > patience)?;
        }
        let answers = self.guest.as_mut().map(|guest| std::mem::take(&mut guest.answers)).unwrap_or_default();
        Ok((question.line(), answers))
    }

    /// Writes a line to the program's standard input, where the probe doesn't speak over it.
    pub fn write_line(&mut self, line: &str) {
        if self.guest.as_ref().is_some_and(|guest| guest.stream.is_some()) {
            // Who closed it is told so by the check.
            let _ = self.running.stdin.write_all(format!("{line}\n").as_bytes());
        }
    }

    /// Waits for the program's end, or so long.
    pub fn wait(&mut self, patience: Duration) -> Result<()> {
        let patience = Instant::now() + patience;
        self.until(|it| it.over() || Instant::now() > patience)?;
        // What it wrote is in the pipe by now.
        self.drain();
        Ok(())
    }

    /// Whether both the program and its command have ended.
    pub fn is_gone(&self) -> bool {
        self.over() && self.guest.as_ref().is_none_or(|guest| guest.ended)
    }

    /// Tells the probe to write a word to standard output and to exit, and waits for the program's end.
    pub fn dismiss(&mut self, status: i32, word: &str) -> Result<()> {
        let check = attempts::wire::EXIT.into();
        let mark = format!("{status}:{word}");
        self.tell(&Question { key: "end".into(), check, mark, given: Vec::new() });
        self.until(|it| it.over())?;
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

    /// Whether a process has sent this one, which we trace, a SIGSYS: what ends it then is no filter.
    pub fn was_sent_sigsys(&self, pid: Pid) -> bool {
        self.sent_sigsys.contains(&pid.as_raw())
    }

    /// Whether the kernel has told of the probe's end.
    fn guest_died(&self) -> bool {
        let pid = self.guest.as_ref().and_then(|guest| guest.pid);
        pid.is_some_and(|pid| self.deaths.contains_key(&pid.as_raw()))
    }

    /// Sends the probe a line.
    fn tell(&mut self, question: &Question) {
        let Some(guest) = &mut self.guest else { return };
        let line = question.line();
        let sent = match &mut guest.stream {
            Some(stream) => stream.write_all(line.as_bytes()),
            None => self.running.stdin.write_all(line.as_bytes()),
        };
        guest.ended |= sent.is_err();
    }

    /// Whether the program, or the whole decoy, has ended.
    fn over(&self) -> bool {
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
            let guest = self.guest.as_ref().filter(|guest| !guest.ended);
            if let Some(stream) = guest.and_then(|guest| guest.stream.as_ref()) {
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
        self.drain();
        if ready[2] {
            self.accept()?;
        }
        self.read_guest();
        Ok(())
    }

    fn drain(&mut self) {
        let known = self.stdout.kept.len();
        if let Some(stderr) = &mut self.stderr {
            stderr.drain(&mut self.running.stderr, |_| {});
        }
        match &mut self.guest {
            Some(guest) if guest.stream.is_none() => {
                self.stdout.drain(&mut self.running.stdout, |fresh| guest.hear(fresh));
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

    /// A probe that can't reach the socket says hello on standard output. Anybody can say that: the host looks
    /// for the process by its file, and takes its word only if it finds it.
    fn hello_on_stdout(&mut self) {
        let hello = attempts::inside::hello(&format!("/socket-{}", self.decoy.secrets.name));
        let hello = hello.trim().as_bytes();
        let Some(at) = self.stdout.kept.windows(hello.len()).position(|window| window == hello) else {
            return;
        };
        let pid = observe::by_file(self.decoy, self.probe, self.beside);
        let pid = pid.filter(|pid| match self.trusted(*pid) {
            Ok(()) => true,
            Err(why) => {
                self.refused.push(why);
                false
            }
        });
        let mut guest = Guest { pid, stream: None, ..Guest::default() };
        guest.hear(&self.stdout.kept[at + hello.len()..]);
        self.guest = Some(guest);
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
        let at_call = libc::WSTOPSIG(status) == libc::SIGTRAP | 0x80;
        if at_call {
            self.note_call(pid);
        }
        // A stop without an event is a signal on its way: it is delivered.
        let signal = if event == 0 && !at_call { libc::WSTOPSIG(status) } else { 0 };
        if signal == libc::SIGSYS && ptrace::getsiginfo(pid).is_ok_and(|info| info.si_code != SYS_SECCOMP) {
            self.sent_sigsys.insert(pid.as_raw());
        }
        let is_probe =
            !self.left && !self.watched && self.guest.as_ref().is_some_and(|guest| guest.pid == Some(pid));
        self.followed |= is_probe;
        let request = if is_probe { libc::PTRACE_SYSCALL } else { libc::PTRACE_CONT };
        // SAFETY: ptrace(2) with two integers. nix's functions know no real-time signals.
        unsafe { libc::ptrace(request, pid.as_raw(), 0, signal) };
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
                        self.tampered = self.probe.check(pid).err();
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
                self.guest = Some(Guest { pid: Some(pid), stream: Some(stream), ..Guest::default() });
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
        self.trusted(pid)
    }

    /// Whether nobody else holds the probe in hand, and it is where it may be.
    fn trusted(&self, pid: Pid) -> std::result::Result<(), String> {
        if observe::identity(pid).tracer != 0 && !self.watched {
            return Err("the probe was being traced".into());
        }
        // The last word on reboot(2): never in a PID namespace that is the grader's own or the machine's first.
        let theirs = observe::namespace(pid, "pid");
        if theirs.is_none() || theirs == observe::namespace(Pid::this(), "pid") || theirs == Some(0xEFFF_FFFC)
        {
            return Err("the probe was outside of the decoy's PID namespace".into());
        }
        self.probe.check(pid)
    }

    fn read_guest(&mut self) {
        let Some(guest) = self.guest.as_mut().filter(|guest| !guest.ended) else { return };
        let Some(stream) = &guest.stream else { return };
        let descriptor = stream.as_raw_fd();
        let mut buffer = [0; 16 << 10];
        loop {
            match recv(descriptor, &mut buffer, MsgFlags::MSG_DONTWAIT) {
                Ok(length) if length > 0 => guest.hear(&buffer[..length]),
                Err(Errno::EINTR) => {}
                Err(Errno::EAGAIN) => return,
                Ok(_) | Err(_) => guest.ended = true,
            }
            if guest.ended {
                return;
            }
        }
    }
}

impl Guest {
    /// Takes what came in, line by line. Lines that are no answer to the question are passed over.
    fn hear(&mut self, bytes: &[u8]) {
        self.unread.extend(bytes);
        while let Some(end) = self.unread.iter().position(|byte| *byte == b'\n') {
            let line: Vec<u8> = self.unread.drain(..=end).collect();
            let line = String::from_utf8_lossy(&line[..end]);
            self.answers.extend(Answer::parse(&self.key, line.trim_end_matches('\r')));
        }
        self.ended |= self.unread.len() > LONGEST_LINE;
    }
}

impl Stream {
    /// Reads what is there, hands it out, and keeps the beginning. Whoever writes a gigabyte fills no memory of
    /// ours.
    fn drain(&mut self, file: &mut File, mut hear: impl FnMut(&[u8])) {
        let mut buffer = [0; 64 << 10];
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
                    hear(&buffer[..length]);
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
