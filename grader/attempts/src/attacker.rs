//! The attacker: the container's own command, whose system calls the host makes.
//!
//! An attempt's code runs on the host. Each call that it makes by name is put into the registers of the command, which
//! is an ordinary program that waits for its input, and what the kernel answers is read from them: nothing is asked, and
//! nothing of ours lies in the container.
//!
//! # Layout
//! - [`call`]: a system call in data. [`numbers`]: those among its arguments that nobody can have known.
//! - [`calls`]: system calls by their names. [`files`]: opening, reading and looking, with the host's own look at the descriptor.
//! - [`procfs`]: the kernel's own file systems. [`ipc`]: shared memory, queues and keys. [`sockets`]: sockets and connections.
//!   [`sysctl`]: the host's name, and clocks.
//! - [`paths`]: ways through the file tree, up to its top. [`mounts`]: flags of mounts. [`devices`]: nodes of the decoy disk.
//! - [`controls`]: reading and writing by the attacker's own hand. [`descriptors`]: what the host sees of them.
//! - [`cgroups`], [`children`], [`limits`]: control groups, children, memory.
//! - [`turns`]: a stake and something of its own, tried in turns.
//! - [`processes`]: other processes. [`terminal`]: the caller's terminal. [`setuid`]: set-user-ID programs.

pub mod call;
pub mod calls;
pub mod cgroups;
pub mod children;
pub mod controls;
pub mod descriptors;
pub mod devices;
pub mod files;
pub mod ipc;
pub mod limits;
pub mod mounts;
pub mod numbers;
pub mod paths;
pub mod processes;
pub mod procfs;
pub mod setuid;
pub mod sockets;
pub mod sysctl;
pub mod terminal;
pub mod turns;

pub use call::{Argument, Call, Returned};

use crate::host::{Handles, Opened};
use crate::rules::Rules;
use nix::errno::Errno;
use nix::libc::c_long;
use std::os::fd::OwnedFd;
use std::time::Duration;

/// Where others have the CPU as well, an attacker that is to run for some time gets this many times as long.
pub const SPIN_PATIENCE: u32 = 3;

/// What moves the attacker: registers and memory, and the host's hold on its descriptors.
pub trait Hand {
    /// Makes a system call as the attacker, and waits for its return.
    ///
    /// # Errors
    /// The kernel refused it; or the attacker is gone, or could not be moved.
    fn call(&mut self, call: &Call) -> Result<Returned, Failed>;

    /// Whether a system-call filter watches it (seccomp(2)).
    fn is_filtered(&mut self) -> bool;

    /// The file behind one of the attacker's descriptors, on a descriptor of the host's (pidfd_getfd(2)).
    ///
    /// # Errors
    /// As for [`Hand::call`].
    fn duplicate(&mut self, descriptor: i32) -> Result<OwnedFd, Failed>;

    /// The type of the file system on which one of the attacker's descriptors lies, as the mount table names it; none
    /// where the host does not find its mount.
    ///
    /// # Errors
    /// As for [`Hand::call`].
    fn file_system(&mut self, descriptor: i32) -> Result<Option<String>, Failed>;

    /// What lies in the attacker's memory: so many bytes at an address.
    ///
    /// # Errors
    /// As for [`Hand::call`].
    fn memory(&mut self, at: i64, length: usize) -> Result<Vec<u8>, Failed>;

    /// The attacker's open descriptors, as `ls /proc/self/fd` would list them.
    ///
    /// # Errors
    /// As for [`Hand::call`].
    fn descriptors(&mut self) -> Result<Vec<i32>, Failed>;

    /// From now on moves a child of the attacker, by its number there, in the attacker's place.
    ///
    /// # Errors
    /// As for [`Hand::call`].
    fn follow(&mut self, child: i32) -> Result<(), Failed>;

    /// Makes a system call of i386 with one argument, by `int 0x80` (x86-64 alone has such a second table).
    ///
    /// # Errors
    /// As for [`Hand::call`].
    fn call_i386(&mut self, call: &Call) -> Result<Returned, Failed>;

    /// Lets some time pass, in which others go on and the attacker stands.
    fn wait(&mut self) {
        std::thread::sleep(Duration::from_millis(1));
    }

    /// Lets the attacker do nothing but run, until it has had so much of a CPU's time, but not longer than
    /// [`SPIN_PATIENCE`] times as long.
    ///
    /// # Errors
    /// As for [`Hand::call`].
    fn spin(&mut self, time: Duration) -> Result<(), Failed>;
}

/// Why an attack went no further.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Failed {
    /// The kernel refused a call with this errno, which is not yet a verdict.
    Refused(Errno),
    /// A system-call filter killed the attacker, or sent it SIGSYS, for the call (seccomp(2)).
    Filtered,
    /// The attacker ended.
    Ended,
    /// It gave up, or could not be moved, for this reason. No refusal.
    GaveUp(String),
}

/// What a call brought that may be refused, since there is another way.
///
/// # Errors
/// It failed otherwise.
pub fn unless_refused<T>(result: Result<T, Failed>) -> Result<Option<T>, Failed> {
    match result {
        Err(Failed::Refused(_)) => Ok(None),
        other => other.map(Some),
    }
}

impl From<Errno> for Failed {
    fn from(errno: Errno) -> Failed {
        Failed::Refused(errno)
    }
}

impl Failed {
    /// Whether it is a refusal that another way may not meet: it was not permitted, or a filter has it that there is no
    /// such call.
    pub fn forbids(&self) -> bool {
        matches!(self, Failed::Refused(Errno::EPERM | Errno::EACCES | Errno::ENOSYS))
    }

    /// The same for a call that only prepares the attempt: that it was refused is no verdict.
    pub fn in_preparation(self) -> Failed {
        match self {
            Failed::Refused(errno) => Failed::GaveUp(format!("a preparation was refused: {errno}")),
            other => other,
        }
    }
}

/// The attacker, as an attempt sees it.
pub struct Attacker<'a> {
    hand: &'a mut dyn Hand,
    mark: &'a str,
    given: &'a [(String, String)],
    /// What the attacker has read, by a handle of the host's and by its own hand.
    pub taken: Vec<u8>,
    /// What the host has seen of what the attacker holds.
    pub handles: Handles,
    /// The files that it has opened, as far as the host has looked at them.
    pub opened: Vec<Opened>,
    rules: Rules,
}

impl<'a> Attacker<'a> {
    /// An attacker that this hand moves. `mark` and `given` are as in [`Attacker::mark`] and [`Attacker::given`].
    pub fn new(hand: &'a mut dyn Hand, mark: &'a str, given: &'a [(String, String)]) -> Attacker<'a> {
        let (taken, opened, handles) = (Vec::new(), Vec::new(), Handles::default());
        Attacker { hand, mark, given, taken, opened, handles, rules: Rules::default() }
    }

    /// The same, where these rules are in force.
    #[doc(hidden)]
    pub fn under(self, rules: Rules) -> Attacker<'a> {
        Attacker { rules, ..self }
    }

    /// A random word that nobody has seen before this attempt.
    pub fn mark(&self) -> &'a str {
        self.mark
    }

    /// Something that an attacker may know of the host, by its name; empty where it can't know it.
    pub fn given(&self, name: &str) -> &'a str {
        self.given.iter().find(|(known, _)| known == name).map_or("", |(_, value)| value)
    }

    /// The same as a number; 0 where it is none.
    pub fn given_number(&self, name: &str) -> i32 {
        self.given(name).parse().unwrap_or(0)
    }

    /// Gives up, with the reason. This is no refusal.
    pub fn gives_up<T>(&self, why: &str) -> Result<T, Failed> {
        Err(Failed::GaveUp(why.to_owned()))
    }

    /// Makes a system call for which there is no method.
    ///
    /// # Errors
    /// See [`Hand::call`].
    pub fn call(
        &mut self,
        name: &'static str,
        number: c_long,
        arguments: impl Into<Vec<Argument>>,
    ) -> Result<Returned, Failed> {
        self.hand.call(&Call { name, number, arguments: arguments.into() })
    }

    /// Makes a system call of i386: see [`Hand::call_i386`].
    ///
    /// # Errors
    /// See [`Hand::call`].
    pub fn call_i386(&mut self, name: &'static str, number: c_long, argument: i64) -> Result<i64, Failed> {
        let call = Call { name, number, arguments: vec![argument.into()] };
        Ok(self.hand.call_i386(&call)?.value)
    }

    /// Runs without a system call: see [`Hand::spin`].
    ///
    /// # Errors
    /// See [`Hand::call`].
    pub fn spin(&mut self, time: Duration) -> Result<(), Failed> {
        self.hand.spin(time)
    }
}

#[cfg(test)]
mod tests;
