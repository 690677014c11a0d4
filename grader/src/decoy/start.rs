//! How a decoy's PID 1 starts a program, and what the grader holds of it.

use super::limits;
use crate::interrupts::as_in_a_new_process;
use crate::proc;
use anyhow::{Context, Result, bail};
use caps::CapSet;
use nix::errno::Errno;
use nix::fcntl::OFlag;
use nix::libc;
use nix::pty::openpty;
use nix::sys::termios;
use nix::unistd::{
    ForkResult, Gid, Pid, Uid, chdir, dup2_stderr, dup2_stdin, dup2_stdout, execve, fork, pipe2, setresgid,
    setresuid, setsid,
};
use serde::{Deserialize, Serialize};
use std::convert::Infallible;
use std::ffi::CString;
use std::fs::{self, File};
use std::io::{Read, Write};
use std::os::fd::{AsRawFd, FromRawFd, OwnedFd, RawFd};

/// What to start.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Program {
    /// Its words; the first is a path in the decoy.
    pub argv: Vec<String>,
    /// Its working directory in the decoy.
    pub cwd: String,
    /// Its standard streams.
    pub streams: Streams,
    /// Whether the grader will follow it with ptrace(2).
    pub watched: bool,
    /// What is added to its environment, as `NAME=value`.
    pub environment: Vec<String>,
    /// Whether `open("/")` is left on descriptor 77.
    pub leak_root: bool,
    /// Whether its ambient set of capabilities is full.
    pub ambient: bool,
    /// Whether the host sends datagrams over its loopback interface while it runs.
    pub datagrams: bool,
    /// Whether it lives in a decoy of the user kind.
    pub in_user_namespace: bool,
}

/// What standard input, output and error are.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Streams {
    /// Three pipes.
    Pipes,
    /// A terminal of the decoy's on standard input, pipes on the other two.
    TerminalIn,
    /// A terminal of the decoy's on all three, which is the program's controlling terminal.
    Terminal,
    /// The same, and no session has it for its controlling terminal.
    FreeTerminal,
}

/// The environment of a program under test: nothing of the grader's. The last is for C libraries that would
/// call rseq(2) at their start, which filters of 2020 kill.
const ENVIRONMENT: [&str; 6] = [
    "PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin",
    "HOME=/root",
    "USER=root",
    "LANG=C.UTF-8",
    "TERM=dumb",
    "GLIBC_TUNABLES=glibc.pthread.rseq=0",
];

/// A program that waits at its gate, or runs.
pub struct Started {
    /// Its process id, as the grader sees it.
    pub pid: Pid,
    /// The grader's end of standard input.
    pub stdin: File,
    /// The grader's end of standard output; the terminal's master, where that is one.
    pub stdout: File,
    /// The grader's end of standard error.
    pub stderr: File,
    /// The program's end of its terminal, where it has one.
    pub terminal: Option<File>,
    gate: Option<File>,
    error: File,
}

impl Started {
    /// From the descriptors that [`prepare`] gives.
    pub fn new(mut descriptors: Vec<OwnedFd>) -> Result<Started> {
        let terminal = if descriptors.len() == 7 { descriptors.pop() } else { None };
        let Ok([process, gate, error, stdin, stdout, stderr]) = <[OwnedFd; 6]>::try_from(descriptors) else {
            bail!("the decoy's PID 1 sent another number of descriptors");
        };
        let about = proc::read("self", &format!("fdinfo/{}", process.as_raw_fd()));
        let pid = proc::field(&about, "Pid").and_then(|pid| pid.parse().ok());
        let pid = Pid::from_raw(pid.context("a pidfd names no process")?);
        for stream in [&stdin, &stdout, &stderr].into_iter().chain(&terminal) {
            nix::fcntl::fcntl(stream, nix::fcntl::FcntlArg::F_SETFL(OFlag::O_NONBLOCK))?;
        }
        Ok(Started {
            pid,
            stdin: stdin.into(),
            stdout: stdout.into(),
            stderr: stderr.into(),
            terminal: terminal.map(File::from),
            gate: Some(gate.into()),
            error: error.into(),
        })
    }

    /// Opens the gate: the program is executed.
    pub fn go(&mut self) -> Result<()> {
        let mut gate = self.gate.take().context("the gate was open already")?;
        // Out of memory: first the program, then its host, and only then the grader, which has to tell of it
        // (proc(5)). From outside, since the process at the gate is not dumpable: its files belong to the worker.
        let _ = fs::write(format!("/proc/{}/oom_score_adj", self.pid), "1000");
        let opened = gate.write_all(b"!");
        // Who stood at it has gone, and has said why.
        opened.map_err(|error| self.exec_error().map_or_else(|| error.into(), anyhow::Error::msg))
    }

    /// Why it could not be executed, if so. Waits for the end of its gate; ask when it has ended.
    pub fn exec_error(&mut self) -> Option<String> {
        let mut text = String::new();
        nix::fcntl::fcntl(&self.error, nix::fcntl::FcntlArg::F_SETFL(OFlag::O_NONBLOCK)).ok()?;
        let _ = self.error.read_to_string(&mut text);
        (!text.is_empty()).then_some(text)
    }
}

/// In PID 1: forks the program. It waits at its gate. Returns what [`Started::new`] takes.
pub fn prepare(program: &Program) -> Result<(Pid, Vec<OwnedFd>)> {
    let (gate, opener) = pipe2(OFlag::O_CLOEXEC)?;
    let (error, error_in) = pipe2(OFlag::O_CLOEXEC)?;
    let (ready, ready_in) = pipe2(OFlag::O_CLOEXEC)?;
    let (stdout, out) = pipe2(OFlag::O_CLOEXEC)?;
    let (stderr, err) = pipe2(OFlag::O_CLOEXEC)?;
    // Whoever prints a gigabyte is done sooner (pipe(7), "Pipe capacity"). Where that is refused, it takes longer.
    let _ = nix::fcntl::fcntl(&out, nix::fcntl::FcntlArg::F_SETPIPE_SZ(1 << 20));
    let (input, stdin) = match program.streams {
        Streams::Pipes => pipe2(OFlag::O_CLOEXEC)?,
        _ => {
            let pty = openpty(None, None).context("openpty(3) in the decoy")?;
            // A word that the command writes is looked for: nothing is echoed or translated.
            let mut settings = termios::tcgetattr(&pty.slave)?;
            termios::cfmakeraw(&mut settings);
            termios::tcsetattr(&pty.slave, termios::SetArg::TCSANOW, &settings)?;
            for end in [&pty.master, &pty.slave] {
                nix::fcntl::fcntl(end, nix::fcntl::FcntlArg::F_SETFD(nix::fcntl::FdFlag::FD_CLOEXEC))?;
            }
            (pty.slave, pty.master)
        }
    };
    let (stdout, stderr, out, err) = match program.streams {
        Streams::Terminal | Streams::FreeTerminal => {
            (stdin.try_clone()?, stdin.try_clone()?, input.try_clone()?, input.try_clone()?)
        }
        Streams::Pipes | Streams::TerminalIn => (stdout, stderr, out, err),
    };
    let terminal = match program.streams {
        Streams::Pipes => None,
        _ => Some(open_again(&stdin).context("opening the terminal")?),
    };
    // SAFETY: PID 1 of the decoy has one thread.
    match unsafe { fork() }.context("fork(2)")? {
        ForkResult::Parent { child } => {
            drop(ready_in);
            // Until it stands at its gate, or has failed: end of file.
            let _ = File::from(ready).read(&mut [0]);
            // SAFETY: the call takes integers and returns a descriptor, which we own.
            let process = unsafe {
                let fd = Errno::result(libc::syscall(libc::SYS_pidfd_open, child.as_raw(), 0))
                    .context("pidfd_open(2)")?;
                OwnedFd::from_raw_fd(fd as RawFd)
            };
            let mut descriptors = vec![process, opener, error, stdin, stdout, stderr];
            descriptors.extend(terminal);
            Ok((child, descriptors))
        }
        ForkResult::Child => {
            drop((ready, opener, stdin, stdout, stderr, terminal));
            let mut error_in = File::from(error_in);
            let Err(error) = become_program(program, ready_in, gate, [input, out, err]);
            let _ = write!(error_in, "{error:#}");
            // SAFETY: ends this process without running what PID 1 would run at its exit.
            unsafe { libc::_exit(127) }
        }
    }
}

/// The other end of a terminal once more, by its master: to read it without blocking is then the grader's affair
/// alone (TIOCGPTPEER, ioctl_tty(2)).
fn open_again(master: &OwnedFd) -> nix::Result<OwnedFd> {
    let flags = OFlag::O_RDWR | OFlag::O_NOCTTY | OFlag::O_CLOEXEC;
    // SAFETY: the call takes integers and returns a descriptor, which we own.
    unsafe {
        let fd = Errno::result(libc::ioctl(master.as_raw_fd(), libc::TIOCGPTPEER, flags.bits()))?;
        Ok(OwnedFd::from_raw_fd(fd))
    }
}

fn become_program(
    program: &Program,
    ready: OwnedFd,
    gate: OwnedFd,
    streams: [OwnedFd; 3],
) -> Result<Infallible> {
    let [input, out, err] = streams;
    setsid().context("setsid(2)")?;
    dup2_stdin(input)?;
    dup2_stdout(out)?;
    dup2_stderr(err)?;
    if program.streams == Streams::Terminal {
        // SAFETY: an ioctl on our standard input that takes an integer.
        Errno::result(unsafe { libc::ioctl(0, libc::TIOCSCTTY, 0) }).context("TIOCSCTTY")?;
    }
    if program.in_user_namespace {
        // PID 1 has other ids. This process stays as little dumpable as that is: until it executes the program it is a
        // copy of it, and only the worker, which is root around the decoy, may follow it.
        become_root()?;
    }
    limits::apply(program.in_user_namespace).context("setrlimit(2)")?;
    // A full inheritable set: on an ordinary host it is empty, and a container that forgets to clear it would look
    // right (capabilities(7)).
    let permitted = caps::read(None, CapSet::Permitted)?;
    caps::set(None, CapSet::Inheritable, &permitted)?;
    as_in_a_new_process();
    chdir(program.cwd.as_str()).with_context(|| program.cwd.clone())?;

    let words =
        |list: &[String]| list.iter().map(|word| CString::new(word.as_str())).collect::<Result<Vec<_>, _>>();
    let argv = words(&program.argv)?;
    let mut environment = words(&ENVIRONMENT.map(str::to_owned))?;
    environment.extend(words(&program.environment)?);
    if program.ambient {
        // Ambient capabilities are what a program keeps over execve(2) without being root (capabilities(7)).
        caps::set(None, CapSet::Ambient, &permitted)?;
    }
    if program.leak_root {
        let root =
            nix::fcntl::open("/", OFlag::O_RDONLY | OFlag::O_DIRECTORY, nix::sys::stat::Mode::empty())?;
        // SAFETY: the number is free: PID 1 holds few descriptors.
        Errno::result(unsafe { libc::dup2(root.as_raw_fd(), 77) })?;
    }
    drop(ready);
    File::from(gate).read_exact(&mut [0]).context("the gate")?;
    execve(&argv[0], &argv, &environment).with_context(|| program.argv[0].clone())
}

/// The decoy's root, and nothing else.
pub fn become_root() -> Result<()> {
    let (uid, gid) = (Uid::from_raw(0), Gid::from_raw(0));
    setresgid(gid, gid, gid).context("setresgid(2)")?;
    setresuid(uid, uid, uid).context("setresuid(2)")
}
