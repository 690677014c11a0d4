//! A tool of Rust's that runs, with all that it starts: a build script is a program like another, and may hang, flood,
//! or leave processes behind.
//!
//! Between the grader and the tool stands a [`supervisor`]: a process that takes in whoever loses its parent below it, and
//! kills all of them as soon as the tool has ended, or nobody holds the other end of its pipe any more. So nothing of a
//! build outlives it, and nothing the grader, however that ends.

mod supervisor;

use crate::interrupts::Interrupted;
use crate::interrupts::Interrupts;
use anyhow::{Context, Result, bail};
use nix::fcntl::{FcntlArg, OFlag, fcntl};
use nix::poll::{PollFd, PollFlags, PollTimeout, poll};
use nix::unistd::pipe2;
use std::fs::File;
use std::io::{self, ErrorKind, Read};
use std::os::fd::{AsFd, OwnedFd};
use std::os::unix::process::CommandExt;
use std::process::{Child, ChildStderr, ChildStdout, Command, ExitStatus, Stdio};
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

/// How long one tool may run: a first build downloads, and compiles a few crates.
pub const LIMIT: Duration = Duration::from_secs(600);

/// The most that is read of what it writes to standard output, where cargo's messages come, in bytes.
const MOST_MESSAGES: usize = 64 << 20;
/// The most that is kept of what it writes to standard error, in bytes.
const MOST_SAID: usize = 256 << 10;

/// How often is looked whether it is to end.
const TICK: Duration = Duration::from_millis(50);
/// How long the end of what was killed is waited for.
const TIMEOUT: Duration = Duration::from_secs(15);
/// How long what it wrote is waited for once all of it has ended.
const LAST_WORDS: Duration = Duration::from_millis(500);

/// A tool that runs. It ends with this, and all that it has started ends with it.
pub struct Process {
    child: Child,
    hold: Option<OwnedFd>,
}

impl Process {
    /// Starts it. Signals that the grader has blocked or ignores are as they should be in it.
    ///
    /// # Errors
    /// It can't be executed.
    pub fn start(mut command: Command) -> io::Result<Process> {
        let (told, hold) = pipe2(OFlag::O_CLOEXEC)?;
        // SAFETY: it makes system calls alone and allocates nothing, in a child that the program then replaces.
        unsafe { command.pre_exec(move || supervisor::split(&told)) };
        let child = command.spawn()?;
        Ok(Process { child, hold: Some(hold) })
    }

    /// Its standard output and error, where they are pipes.
    pub fn streams(&mut self) -> (Option<ChildStdout>, Option<ChildStderr>) {
        (self.child.stdout.take(), self.child.stderr.take())
    }

    /// Has all of it killed.
    pub fn end(&mut self) {
        self.hold = None;
    }

    /// How it ended, as soon as nothing of it is left.
    pub fn ended(&mut self) -> io::Result<Option<ExitStatus>> {
        self.child.try_wait()
    }

    /// Has all of it killed, and waits until nothing is left. Where that takes too long, what stands in between is killed
    /// as well.
    pub fn end_and_wait(&mut self) {
        self.end();
        let begun = Instant::now();
        while matches!(self.ended(), Ok(None)) {
            if begun.elapsed() > TIMEOUT {
                let _ = self.child.kill();
                let _ = self.child.wait();
                return;
            }
            std::thread::sleep(Duration::from_millis(1));
        }
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        self.end_and_wait();
    }
}

/// What a tool has written, and how it ended.
pub struct Output {
    /// How.
    pub status: ExitStatus,
    /// Standard output.
    pub stdout: Vec<u8>,
    /// Standard error; of what is very long the beginning.
    pub stderr: Vec<u8>,
}

/// Ends tools that run in another thread.
#[derive(Debug, Default)]
pub struct Stop(AtomicBool);

impl Stop {
    /// What runs is ended, and nothing more is started.
    pub fn stop(&self) {
        self.0.store(true, Ordering::SeqCst);
    }

    /// Whether it was.
    pub fn is_said(&self) -> bool {
        self.0.load(Ordering::SeqCst)
    }
}

/// Runs a tool to its end; it reads nothing. In the main thread INT, TERM and HUP end it, and become the error.
///
/// # Errors
/// [`Interrupted`], it was stopped, it takes longer than [`LIMIT`], it floods, or it can't be executed.
pub fn run(command: Command, stop: &Stop) -> Result<Output> {
    run_within(command, stop, LIMIT)
}

fn run_within(mut command: Command, stop: &Stop, limit: Duration) -> Result<Output> {
    let name = command.get_program().display().to_string();
    command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
    let interrupts = Interrupts::of_main_thread()?;
    let begun = Instant::now();
    let mut process = Process::start(command).with_context(|| format!("can't run {name}"))?;
    let (stdout, stderr) = process.streams();
    let mut messages = OutputStream::new(stdout.map(OwnedFd::from), MOST_MESSAGES)?;
    let mut said = OutputStream::new(stderr.map(OwnedFd::from), MOST_SAID)?;
    let mut over: Option<(ExitStatus, Instant)> = None;
    loop {
        wait(&[&messages, &said])?;
        messages.read()?;
        said.read()?;
        if let Some(signal) = interrupts.as_ref().and_then(Interrupts::take) {
            process.end_and_wait();
            return Err(Interrupted(signal).into());
        }
        if stop.is_said() {
            bail!("{name} was stopped");
        }
        if over.is_none() {
            over = process.ended()?.map(|status| (status, Instant::now()));
        }
        match over {
            Some((status, at)) if said.is_over() && messages.is_over() || at.elapsed() > LAST_WORDS => {
                if messages.cut {
                    bail!("{name} wrote more than {MOST_MESSAGES} bytes");
                }
                let stderr = said.whole();
                return Ok(Output { status, stdout: messages.bytes, stderr });
            }
            _ if begun.elapsed() > limit => bail!("{name} was ended: it ran for {} s", limit.as_secs()),
            _ => {}
        }
    }
}

/// Until there is something to read, or to look after.
fn wait(streams: &[&OutputStream]) -> Result<()> {
    let mut fds: Vec<PollFd> = streams
        .iter()
        .filter_map(|stream| stream.from.as_ref())
        .map(|from| PollFd::new(from.as_fd(), PollFlags::POLLIN))
        .collect();
    // Where both are at their end, so is the process, in a moment.
    let tick = if fds.is_empty() { Duration::from_millis(1) } else { TICK };
    match poll(&mut fds, PollTimeout::try_from(tick).unwrap_or(PollTimeout::ZERO)) {
        Ok(_) | Err(nix::errno::Errno::EINTR) => Ok(()),
        Err(error) => Err(error).context("poll(2)"),
    }
}

/// What is read of a pipe. It is read to its end, or whoever writes would wait; of too much the beginning is kept.
struct OutputStream {
    from: Option<File>,
    bytes: Vec<u8>,
    most: usize,
    cut: bool,
}

impl OutputStream {
    fn new(from: Option<OwnedFd>, most: usize) -> Result<OutputStream> {
        let from = from.map(File::from);
        if let Some(from) = &from {
            fcntl(from, FcntlArg::F_SETFL(OFlag::O_NONBLOCK))?;
        }
        Ok(OutputStream { from, bytes: Vec::new(), most, cut: false })
    }

    fn is_over(&self) -> bool {
        self.from.is_none()
    }

    fn read(&mut self) -> io::Result<()> {
        let mut piece = [0; 16 << 10];
        let Some(from) = &mut self.from else { return Ok(()) };
        match from.read(&mut piece) {
            Ok(0) => self.from = None,
            Ok(length) => {
                let kept = length.min(self.most - self.bytes.len());
                self.bytes.extend_from_slice(&piece[..kept]);
                self.cut |= kept < length;
            }
            Err(error) if matches!(error.kind(), ErrorKind::WouldBlock | ErrorKind::Interrupted) => {}
            Err(error) => return Err(error),
        }
        Ok(())
    }

    /// What was kept; that something was not is said in it.
    fn whole(mut self) -> Vec<u8> {
        if self.cut {
            self.bytes.extend_from_slice(b"\n... (more was written than is kept)\n");
        }
        self.bytes
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shell(script: &str) -> Command {
        let mut shell = Command::new("sh");
        shell.args(["-c", script]);
        shell
    }

    #[test]
    fn what_it_wrote_and_how_it_ended_are_known() {
        let output = run(shell("echo out; echo err >&2; exit 7"), &Stop::default()).unwrap();
        assert_eq!((output.stdout.as_slice(), output.stderr.as_slice()), (&b"out\n"[..], &b"err\n"[..]));
        assert_eq!(output.status.code(), Some(7));
        let killed = run(shell("kill -KILL $$"), &Stop::default()).unwrap();
        assert_eq!(killed.status.code(), Some(128 + 9));
        let missing = run(Command::new("/nowhere/cargo"), &Stop::default()).err().unwrap();
        assert_eq!(
            format!("{missing:#}"),
            "can't run /nowhere/cargo: No such file or directory (os error 2)"
        );
    }

    #[test]
    fn what_is_too_long_is_cut_and_what_hangs_is_ended() {
        let output = run(shell("head -c 1000000 /dev/zero >&2"), &Stop::default()).unwrap();
        assert!(output.stderr.len() < MOST_SAID + 100 && output.stderr.ends_with(b"than is kept)\n"));
        let error =
            run_within(shell("sleep 1000"), &Stop::default(), Duration::from_millis(100)).err().unwrap();
        assert_eq!(error.to_string(), "sh was ended: it ran for 0 s");
        let stop = Stop::default();
        stop.stop();
        assert!(run(shell("sleep 1000"), &stop).is_err());
    }

    #[test]
    fn who_has_left_its_group_and_holds_its_pipe_ends_with_it() {
        // It is deaf, in a session of its own, and nobody's child.
        let script =
            "(setsid sh -c 'trap \"\" TERM HUP INT; echo $$; while :; do sleep 1000; done' &); sleep 0.2";
        let begun = Instant::now();
        let output = run(shell(script), &Stop::default()).unwrap();
        assert!(begun.elapsed() < Duration::from_secs(10));
        let left: i32 = String::from_utf8(output.stdout).unwrap().trim().parse().unwrap();
        assert!(!std::path::Path::new(&format!("/proc/{left}")).exists());
    }

    #[test]
    fn a_tool_has_the_signals_of_a_program() {
        // Beyond 31 they are the C library's own (signal(7)).
        let none = |line: &str| {
            u64::from_str_radix(&line[line.len() - 16..], 16).is_ok_and(|mask| mask & 0x7fff_ffff == 0)
        };
        let output = run(shell("grep -E '^Sig(Blk|Ign)' /proc/self/status"), &Stop::default()).unwrap();
        let text = String::from_utf8(output.stdout).unwrap();
        assert!(text.lines().count() == 2 && text.lines().all(none), "{text}");
    }
}
