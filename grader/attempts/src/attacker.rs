//! The attacker: the container's own command, whose system calls the host makes.
//!
//! An attempt's code runs on the host. Each call that it makes by name is put into the registers of the command, which
//! is an ordinary program that waits for its input, and what the kernel answers is read from them: nothing is asked, and
//! nothing of ours lies in the container.
//!
//! # Layout
//! - [`calls`]: system calls by their names. [`files`]: opening, reading and looking, with the host's own look at the descriptor.
//! - [`procfs`]: the kernel's own file systems. [`ipc`]: shared memory, queues and keys. [`sockets`]: sockets and connections.
//!   [`sysctl`]: the host's name, and clocks.
//! - [`paths`]: ways through the file tree, up to its top. [`mounts`]: flags of mounts. [`devices`]: nodes of the decoy disk.
//! - [`controls`]: reading and writing by the attacker's own hand. [`descriptors`]: what the host sees of them.
//! - [`cgroups`], [`children`], [`limits`]: control groups, children, memory.
//! - [`turns`]: a stake and something of its own, tried in turns.
//! - [`processes`]: other processes. [`terminal`]: the caller's terminal. [`setuid`]: set-user-ID programs.

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
pub mod paths;
pub mod processes;
pub mod procfs;
pub mod setuid;
pub mod sockets;
pub mod sysctl;
pub mod terminal;
pub mod turns;

use crate::host::{Handles, Opened};
use crate::rules::{Rule, Rules};
use nix::errno::Errno;
use nix::libc::c_long;
use std::ffi::CString;
use std::fmt::{self, Write};
use std::os::fd::OwnedFd;
use std::time::Duration;

/// Where others have the CPU as well, an attacker that is to run for some time gets this many times as long.
pub const SPIN_PATIENCE: u32 = 3;

/// With so many combinations of harmless flags a call is made that is forbidden with those that an attempt is known to use.
const VARIED: usize = 3;

/// What moves the attacker: registers and memory, and the host's hold on its descriptors.
pub trait Hand {
    /// Makes a system call as the attacker, and waits for its return.
    ///
    /// # Errors
    /// The kernel refused it; or the attacker is gone, or could not be moved.
    fn call(&mut self, call: &Call) -> Result<Returned, Failed>;

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

/// A system call: its name (syscalls(2)), its number, and up to six arguments.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Call {
    /// The name.
    pub name: &'static str,
    /// The number, as of this machine's architecture.
    pub number: c_long,
    /// The arguments.
    pub arguments: Vec<Argument>,
}

/// An argument of a system call.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Argument {
    /// A number, a descriptor, flags, or 0 for no pointer.
    Number(i64),
    /// A number of 32 bits: of its register the kernel reads no more.
    Int(i32),
    /// A pointer to a string, which ends in NUL.
    Text(CString),
    /// A pointer to these bytes, a structure.
    Bytes(Vec<u8>),
    /// A pointer to these bytes, which are read again when the call has returned.
    Room(Vec<u8>),
    /// A pointer to one `struct iovec` (readv(2)), which points to these bytes; they are read again like a room.
    Vector(Vec<u8>),
    /// A pointer to an array of pointers to strings, with a null pointer at its end.
    Texts(Vec<CString>),
}

/// What came back from a system call that succeeded.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Returned {
    /// Its return value.
    pub value: i64,
    /// What the arguments of kind [`Argument::Room`] or [`Argument::Vector`] hold now, in their order.
    pub rooms: Vec<Vec<u8>>,
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

    /// Makes a call with one number after another, such as its flags, until one is not forbidden: a system-call filter reads
    /// numbers, and one that forbids those of this attempt alone is no wall.
    ///
    /// # Errors
    /// Those of the last call.
    pub fn with_each<T>(
        &mut self,
        numbers: impl IntoIterator<Item = i32>,
        mut call: impl FnMut(&mut Self, i32) -> Result<T, Failed>,
    ) -> Result<T, Failed> {
        let mut last = Err(Failed::GaveUp("it knows no way".into()));
        for number in numbers {
            last = call(self, number);
            let forbidden = last.as_ref().is_err_and(Failed::forbids);
            if !forbidden || !self.rules.holds(Rule::EachNumber) {
                break;
            }
        }
        last
    }

    /// Some of these flags, which make no difference to the attempt: which of them, nobody can have known. A system-call filter
    /// that forbids the numbers that an attempt is known to use is no wall.
    pub fn some_of(&self, harmless: &[i32]) -> i32 {
        flags_of(self.chosen(0), harmless)
    }

    /// Numbers that serve, and then some of them with other flags that make no difference: see [`Attacker::some_of`].
    pub fn varied(&self, known: &[i32], harmless: &[i32]) -> Vec<i32> {
        let others =
            (0..VARIED).map(|nth| known[nth % known.len()] | flags_of(self.chosen(nth as u64), harmless));
        known.iter().copied().chain(others).collect()
    }

    /// So many of these, which all serve.
    pub fn any_of(&self, all: &[i32], count: usize) -> Vec<i32> {
        let mut left = all.to_vec();
        let picked = (0..count.min(all.len()) as u64).map(|nth| {
            let at = self.chosen(nth) % left.len() as u64;
            left.swap_remove(at as usize)
        });
        picked.collect()
    }

    /// A random number, the nth of this attempt. It is the same at each start of the program, so that the calls for which a
    /// filter kills can be left out.
    pub fn chosen(&self, nth: u64) -> u64 {
        let word = Some(self.given("choice")).filter(|word| !word.is_empty()).unwrap_or(self.mark);
        let first = u64::from_str_radix(word.get(..8).unwrap_or_default(), 16).unwrap_or_default();
        // As in splitmix64, but for the first.
        let next = first.wrapping_add(nth.wrapping_mul(0x9e37_79b9_7f4a_7c15));
        let mixed = (next ^ next >> 30).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        if nth == 0 { first } else { mixed ^ mixed >> 31 }
    }

    /// Runs without a system call: see [`Hand::spin`].
    ///
    /// # Errors
    /// See [`Hand::call`].
    pub fn spin(&mut self, time: Duration) -> Result<(), Failed> {
        self.hand.spin(time)
    }
}

impl Call {
    /// The same with nothing but zeros behind its pointers.
    pub fn blank(&self) -> Call {
        let mut blank = self.clone();
        for argument in &mut blank.arguments {
            let length = match argument {
                Argument::Text(text) => text.as_bytes_with_nul().len(),
                Argument::Bytes(bytes) | Argument::Room(bytes) => bytes.len(),
                Argument::Texts(_) | Argument::Vector(_) | Argument::Number(_) | Argument::Int(_) => continue,
            };
            *argument = Argument::Bytes(vec![0; length]);
        }
        blank
    }
}

impl Argument {
    /// A null pointer, in all 64 bits: as an [`Argument::Int`] it might point somewhere in another form of the call.
    pub const NULL: Argument = Argument::Number(0);

    /// A string without a NUL in it. What follows a NUL is left out.
    pub fn text(text: impl AsRef<[u8]>) -> Argument {
        Argument::Text(c_string(text.as_ref()))
    }

    /// Strings, as for execve(2).
    pub fn texts(texts: &[&str]) -> Argument {
        Argument::Texts(texts.iter().map(|text| c_string(text.as_bytes())).collect())
    }

    /// Its value, where it is a number.
    pub fn number(&self) -> Option<i64> {
        match self {
            Argument::Number(value) => Some(*value),
            Argument::Int(value) => Some((*value).into()),
            _ => None,
        }
    }

    /// Room for so many bytes.
    pub fn room(length: usize) -> Argument {
        Argument::Room(vec![0; length])
    }
}

impl From<i64> for Argument {
    fn from(number: i64) -> Argument {
        Argument::Number(number)
    }
}

impl From<i32> for Argument {
    fn from(number: i32) -> Argument {
        Argument::Int(number)
    }
}

impl From<u32> for Argument {
    fn from(number: u32) -> Argument {
        Argument::Int(number as i32)
    }
}

/// All combinations of a few flags, beginning with none.
pub fn combined(flags: &[i32]) -> impl Iterator<Item = i32> {
    (0..1_u64 << flags.len()).map(|chosen| flags_of(chosen, flags))
}

fn flags_of(chosen: u64, flags: &[i32]) -> i32 {
    let flags = flags.iter().enumerate().filter(|(nth, _)| chosen >> nth & 1 == 1);
    flags.fold(0, |all, (_, flag)| all | flag)
}

fn c_string(bytes: &[u8]) -> CString {
    let text = bytes.split(|byte| *byte == 0).next().unwrap_or_default();
    CString::new(text).unwrap_or_default()
}

impl fmt::Display for Call {
    /// As strace(1) writes it: `mount("mark", "/tmp", "tmpfs", 0, 0)`.
    fn fmt(&self, out: &mut fmt::Formatter) -> fmt::Result {
        let words: Vec<String> = self.arguments.iter().map(Argument::to_string).collect();
        write!(out, "{}({})", self.name, words.join(", "))
    }
}

impl fmt::Display for Argument {
    fn fmt(&self, out: &mut fmt::Formatter) -> fmt::Result {
        match self {
            // Flags are easier to read in hexadecimal.
            Argument::Number(number @ 4096..) => write!(out, "{number:#x}"),
            Argument::Number(number) => write!(out, "{number}"),
            Argument::Int(number) if !(-4096..4096).contains(number) => write!(out, "{number:#x}"),
            Argument::Int(number) => write!(out, "{number}"),
            Argument::Text(text) => write!(out, "{:?}", text.to_string_lossy()),
            Argument::Bytes(bytes) => {
                bytes.iter().take(16).try_for_each(|byte| write!(out, "{byte:02x}"))?;
                out.write_str(if bytes.len() > 16 { "..." } else { "" })
            }
            Argument::Room(_) | Argument::Vector(_) => out.write_char('_'),
            Argument::Texts(texts) => write!(out, "{texts:?}"),
        }
    }
}

#[cfg(test)]
mod tests;
