//! The tools of an inside half, and its protocol with the host.
//!
//! The probe needs as little as possible in the container: no threads, no `/proc`, and no shell.
//!
//! # Layout
//! - [`procfs`]: a procfs, mounted if missing.
//! - [`read`]: reads a file so that the host sees it.
//! - [`canary`]: the host's canary. [`disk`]: the decoy disk. [`look`]: examines a path.
//! - [`devtmpfs`]: detects the machine's `/dev`, in which nothing may be made.
//! - [`cgroups`]: mounts a hierarchy of control groups. [`child`]: children that wait.

pub mod canary;
pub mod cgroups;
pub mod child;
pub mod devtmpfs;
pub mod disk;
pub mod look;
pub mod procfs;
pub mod read;

use crate::attempts::{self, Attack};
use crate::wire::{Answer, EXIT, Question};
use nix::errno::Errno;
use nix::libc;
use nix::unistd::{Pid, getpid};
use std::fs::{self, File};
use std::io::{self, BufRead, BufReader, Read, Write};
use std::mem::ManuallyDrop;
use std::os::fd::{AsRawFd, FromRawFd, IntoRawFd, RawFd};
use std::os::unix::net::UnixStream;

/// Inode of the machine's first PID namespace: `PROC_PID_INIT_INO` in the kernel's include/linux/proc_ns.h.
const FIRST_PID_NAMESPACE: u64 = 0xEFFF_FFFC;

/// ioctl on a pidfd, Linux 6.11: `PIDFD_GET_PID_NAMESPACE` in include/uapi/linux/pidfd.h.
const PIDFD_GET_PID_NAMESPACE: libc::c_ulong = 0xFF05;

/// The attacker's side of one check.
pub struct Inside {
    talk: Talk,
    question: Question,
    tried: bool,
    gave_up: Option<String>,
}

/// The connection to the host: a socket, or standard input and output.
struct Talk {
    input: ManuallyDrop<File>,
    output: ManuallyDrop<File>,
}

impl Inside {
    /// The attacker's mark: the random word of this check.
    pub fn mark(&self) -> &str {
        &self.question.mark
    }

    /// A value that the host gave to the attacker; empty where it gave none of that name.
    pub fn given(&self, name: &str) -> &str {
        self.question.given.iter().find(|(known, _)| known == name).map_or("", |(_, value)| value)
    }

    /// The same as a number; 0 where it is not one.
    pub fn given_number(&self, name: &str) -> i32 {
        self.given(name).parse().unwrap_or(0)
    }

    /// The process id of the host's victim, for attempts on a process. Never 0, which would mean the attacker itself.
    pub fn victim(&self) -> Result<Pid, Errno> {
        match self.given_number("victim") {
            number @ 2.. => Ok(Pid::from_raw(number)),
            _ => Err(Errno::ESRCH),
        }
    }

    /// The path of a file in the rootfs, as the attacker sees it: on the bare decoy host the rootfs is not the root
    /// directory.
    pub fn in_rootfs(&self, name: &str) -> String {
        format!("{}/{name}", self.given("rootfs"))
    }

    /// Gives up if `path` is in the machine's devtmpfs, mounted by the program under test: nothing may be made there.
    /// The attempt then counts as not made.
    pub fn keeps_out_of_devtmpfs(&mut self, path: &str) -> Result<(), Errno> {
        if !devtmpfs::holds(path) {
            return Ok(());
        }
        self.gave_up = Some(format!("{path} is the machine's devtmpfs, in which attempts make nothing"));
        Err(Errno::EXDEV)
    }

    /// Tells the host that the decisive call is next. A container that dies before this has blocked nothing.
    pub fn decisive(&mut self, what: &str) {
        self.tried = true;
        self.answer(&Answer::Try(what.to_owned()));
    }

    /// Gives up, with the reason. This does not count as a refusal.
    pub fn give_up(&mut self, why: &str) -> Errno {
        self.gave_up = Some(why.to_owned());
        Errno::ENXIO
    }

    /// Sends bytes to the host.
    pub fn bring_out(&mut self, bytes: &[u8]) {
        self.answer(&Answer::Out(bytes.to_vec()));
    }

    /// Whether this process is, or may be, in the machine's first PID namespace.
    pub fn in_first_pid_namespace(&self) -> bool {
        pid_namespace().is_none_or(|inode| inode == FIRST_PID_NAMESPACE)
    }

    fn answer(&mut self, answer: &Answer) {
        // If the host has died, this process is killed in another way.
        let _ = self.talk.output.write_all(answer.line(&self.question.key).as_bytes());
    }
}

/// Runs the probe and returns its exit status. It connects to the socket that its argument names, and does what the
/// host asks until the host sends exit. If it can't reach the socket, as in a copy of the rootfs, it says so on
/// standard output and reads its questions from standard input.
pub fn probe(arguments: &[String]) -> u8 {
    let talk = match arguments {
        [_, victim] if victim == "--victim" => return crate::victim::main(),
        [_, socket] => match UnixStream::connect(socket) {
            Ok(stream) => {
                let descriptor = stream.into_raw_fd();
                // SAFETY: the socket is ours; the two files share it until this process ends.
                unsafe { Talk::from_descriptors(descriptor, descriptor) }
            }
            Err(_) => {
                // SAFETY: nothing else in this process uses the two.
                let mut talk = unsafe { Talk::from_descriptors(0, 1) };
                let _ = talk.output.write_all(hello(socket).as_bytes());
                talk
            }
        },
        _ => {
            let _ = writeln!(io::stderr(), "Usage: probe <socket>");
            return 1;
        }
    };
    serve(&talk)
}

/// The text that a probe prints when it can't reach the socket at this path.
pub fn hello(socket: &str) -> String {
    format!("\nprobe hello {socket}\n")
}

impl Talk {
    /// # Safety
    /// The descriptors are open, and nothing else closes them before this process ends.
    unsafe fn from_descriptors(input: RawFd, output: RawFd) -> Talk {
        // SAFETY: see above; they go with the process, and not with this value.
        let file = |descriptor| unsafe { ManuallyDrop::new(File::from_raw_fd(descriptor)) };
        Talk { input: file(input), output: file(output) }
    }

    /// A second handle to the same descriptors.
    fn again(&self) -> Talk {
        // SAFETY: they stay open until this process ends.
        unsafe { Talk::from_descriptors(self.input.as_raw_fd(), self.output.as_raw_fd()) }
    }
}

fn serve(talk: &Talk) -> u8 {
    // The host asks one question at a time. Nothing is read ahead, since the bytes may be for the program that this
    // process becomes.
    let mut lines = BufReader::new(&*talk.input);
    loop {
        let mut line = String::new();
        if lines.by_ref().take(4096).read_line(&mut line).unwrap_or(0) == 0 {
            return 1;
        }
        // A terminal or a verbose program may add empty lines in between.
        if line.trim().is_empty() {
            continue;
        }
        let Some(question) = Question::parse(line.trim_end()) else { return 1 };
        if question.check == EXIT {
            return 0;
        }
        let mut inside = Inside { talk: talk.again(), question, tried: false, gave_up: None };
        let end = run(&mut inside);
        inside.answer(&end);
    }
}

fn run(me: &mut Inside) -> Answer {
    let check = me.question.check.clone();
    if let Some(attempt) = attempts::Attempt::find(&check) {
        let Attack::Inside(inside) = attempt.attack else {
            return Answer::Not(libc::ENOSYS, "the host makes this attempt's calls".into());
        };
        let (errno, text) = match inside(me) {
            Ok(()) => (0, String::new()),
            Err(errno) => (errno as i32, me.gave_up.take().unwrap_or_else(|| errno.to_string())),
        };
        return if me.tried { Answer::Got(errno, text) } else { Answer::Not(errno, text) };
    }
    Answer::Not(libc::ENOSYS, format!("no check is called {check}"))
}

/// The inode number of this process's PID namespace, by any available way.
fn pid_namespace() -> Option<u64> {
    from_proc().or_else(from_pidfd).or_else(|| {
        // No procfs and an old kernel: mount one.
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
        let process = File::from_raw_fd(process as RawFd);
        let namespace =
            Errno::result(libc::ioctl(process.as_raw_fd(), PIDFD_GET_PID_NAMESPACE as _, 0)).ok()?;
        File::from_raw_fd(namespace)
    };
    Some(std::os::unix::fs::MetadataExt::ino(&namespace.metadata().ok()?))
}
