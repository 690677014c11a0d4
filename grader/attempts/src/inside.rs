//! What an inside half has at hand, and how it talks to the host.
//!
//! The probe asks as little as possible of the container: no threads, no `/proc`, no shell unless the check is
//! about the shell.

use crate::wire::{Answer, EXIT, Question};
use crate::{attempts, works};
use nix::errno::Errno;
use nix::libc;
use nix::unistd::{execv, getpid};
use std::ffi::CString;
use std::fs;
use std::io::{self, BufRead, BufReader, Read, Write};
use std::os::fd::{AsRawFd, FromRawFd, RawFd};
use std::os::unix::net::UnixStream;
use std::process::ExitCode;

/// Inode of the machine's first PID namespace: `PROC_PID_INIT_INO` in the kernel's include/linux/proc_ns.h.
const FIRST_PID_NAMESPACE: u64 = 0xEFFF_FFFC;

/// ioctl on a pidfd, Linux 6.11: `PIDFD_GET_PID_NAMESPACE` in include/uapi/linux/pidfd.h.
const PIDFD_GET_PID_NAMESPACE: libc::c_ulong = 0xFF05;

/// The attacker's side of one check.
pub struct Inside {
    stream: UnixStream,
    question: Question,
    tried: bool,
}

impl Inside {
    /// The random word of this check.
    pub fn mark(&self) -> &str {
        &self.question.mark
    }

    /// Tells the host that the decisive call is next. A container that dies before it has blocked nothing.
    pub fn decisive(&mut self, what: &str) {
        self.tried = true;
        self.answer(&Answer::Try(what.to_owned()));
    }

    /// Hands the host what was brought out.
    pub fn bring_out(&mut self, bytes: &[u8]) {
        self.answer(&Answer::Out(bytes.to_vec()));
    }

    /// Whether this process is, or may be, in the machine's first PID namespace.
    pub fn in_first_pid_namespace(&self) -> bool {
        pid_namespace().is_none_or(|inode| inode == FIRST_PID_NAMESPACE)
    }

    /// Becomes a shell that runs `script` and then becomes the probe again: one process all the way.
    pub fn become_shell(&mut self, script: &str) -> Result<(), Errno> {
        self.decisive(&format!("sh -c '{script}'"));
        let fd = self.stream.as_raw_fd();
        // SAFETY: fcntl(2) on a descriptor of ours.
        Errno::result(unsafe { libc::fcntl(fd, libc::F_SETFD, 0) })?;
        let program = std::env::args().next().unwrap_or_default();
        let words = ["/bin/sh", "-c", &format!("{script}; exec \"$0\" \"$@\""), &program, RESUME];
        let words = words.into_iter().map(str::to_owned).chain([fd.to_string(), self.question.key.clone()]);
        let words: Vec<CString> = words.filter_map(|word| CString::new(word).ok()).collect();
        execv(&words[0], &words).map(drop)
    }

    fn answer(&mut self, answer: &Answer) {
        // A host that is gone ends this process by other means.
        let _ = self.stream.write_all(answer.line(&self.question.key).as_bytes());
    }
}

/// The first argument of a probe that was a shell in between.
const RESUME: &str = "--resume";

/// The probe: connects to the socket that its argument names, and does what the host asks until it says exit.
pub fn probe(arguments: &[String]) -> ExitCode {
    let stream = match arguments {
        [_, resume, fd, key] if resume == RESUME => match fd.parse::<RawFd>() {
            Ok(fd) => {
                // SAFETY: the descriptor was left open for us by `become_shell`.
                let mut stream = unsafe { UnixStream::from_raw_fd(fd) };
                let _ = stream.write_all(Answer::Got(0, String::new()).line(key).as_bytes());
                stream
            }
            Err(_) => return ExitCode::FAILURE,
        },
        [_, socket] => match UnixStream::connect(socket) {
            Ok(stream) => stream,
            Err(error) => {
                eprintln!("probe: {socket}: {error}");
                return ExitCode::FAILURE;
            }
        },
        _ => {
            eprintln!("Usage: probe <socket>");
            return ExitCode::FAILURE;
        }
    };
    serve(stream)
}

fn serve(stream: UnixStream) -> ExitCode {
    // One byte at a time: what stands after a line is for the process that a shell becomes.
    let mut lines = BufReader::with_capacity(1, &stream);
    loop {
        let mut line = String::new();
        if lines.by_ref().take(4096).read_line(&mut line).unwrap_or(0) == 0 {
            return ExitCode::FAILURE;
        }
        let Some(question) = Question::parse(line.trim_end()) else { return ExitCode::FAILURE };
        if question.check == EXIT {
            return exit(&question.mark);
        }
        let Ok(stream) = stream.try_clone() else { return ExitCode::FAILURE };
        let mut inside = Inside { stream, question, tried: false };
        let end = run(&mut inside);
        inside.answer(&end);
    }
}

fn run(me: &mut Inside) -> Answer {
    let check = me.question.check.clone();
    if let Some(attempt) = attempts::Attempt::find(&check) {
        let (errno, text) = match (attempt.inside)(me) {
            Ok(()) => (0, String::new()),
            Err(errno) => (errno as i32, errno.to_string()),
        };
        return if me.tried { Answer::Got(errno, text) } else { Answer::Not(errno, text) };
    }
    if let Some(work) = works::Work::find(&check) {
        return match (work.inside)(me) {
            Ok(()) => Answer::Got(0, String::new()),
            Err(text) => Answer::Got(libc::EIO, text),
        };
    }
    Answer::Not(libc::ENOSYS, format!("no check is called {check}"))
}

/// The end of the works checks: `<status>:<word>` writes the word to standard output and exits with the status.
fn exit(mark: &str) -> ExitCode {
    let (status, word) = mark.split_once(':').unwrap_or((mark, ""));
    if !word.is_empty() {
        println!("{word}");
        let _ = io::stdout().flush();
    }
    ExitCode::from(status.parse::<u8>().unwrap_or(1))
}

/// The inode number of this process's PID namespace, by whatever way there is.
fn pid_namespace() -> Option<u64> {
    from_proc().or_else(from_pidfd).or_else(|| {
        // No procfs here, and an old kernel: mount one.
        fs::create_dir_all("/proc").ok()?;
        nix::mount::mount(Some("proc"), "/proc", Some("proc"), nix::mount::MsFlags::empty(), None::<&str>)
            .ok()?;
        from_proc()
    })
}

fn from_proc() -> Option<u64> {
    let link = fs::read_link("/proc/self/ns/pid").ok()?;
    link.to_str()?.strip_prefix("pid:[")?.strip_suffix(']')?.parse().ok()
}

fn from_pidfd() -> Option<u64> {
    // SAFETY: both calls take integers and return a descriptor, which we own.
    let namespace = unsafe {
        let process = Errno::result(libc::syscall(libc::SYS_pidfd_open, getpid().as_raw(), 0)).ok()?;
        let process = fs::File::from_raw_fd(process as RawFd);
        let namespace =
            Errno::result(libc::ioctl(process.as_raw_fd(), PIDFD_GET_PID_NAMESPACE as _, 0)).ok()?;
        fs::File::from_raw_fd(namespace)
    };
    Some(std::os::unix::fs::MetadataExt::ino(&namespace.metadata().ok()?))
}
