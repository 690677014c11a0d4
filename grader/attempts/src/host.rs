//! The facts that a witness reads: what the host saw for itself, as a plain record.

use std::collections::BTreeMap;

/// What the host knows when a check is over.
#[derive(Clone, Debug, Default)]
pub struct Host {
    /// The decoy host's PID 1.
    pub pid1: Ending,
    /// `/proc/self/mountinfo` of the decoy host's PID 1, before and after.
    pub mountinfo: (String, String),
    /// The decoy host's own name, before and after.
    pub hostname: (String, String),
    /// The namespaces of the decoy host's PID 1: name (as in `/proc/<pid>/ns`) and inode number.
    pub namespaces: BTreeMap<String, u64>,
    /// The random word that the attacker was given.
    pub mark: String,
    /// The first bytes of the decoy disk; none where no disk could be made.
    pub disk: Option<Vec<u8>>,
    /// What the attacker brought out.
    pub said: Vec<u8>,
    /// What the program under test wrote to standard output.
    pub stdout: Vec<u8>,
    /// The attacking process, read from outside while it lived.
    pub attacker: Process,
    /// How PID 1 of the attacker's PID namespace ended, where the host had seized it with ptrace(2) and it is
    /// not the host's own.
    pub container_pid1: Ending,
    /// How the program under test ended.
    pub program: Ending,
    /// The exit status that the command was asked to end with.
    pub asked_status: i32,
    /// Programs that were executed besides the program under test and its command; none where the host could
    /// not follow it.
    pub executed: Option<Vec<String>>,
    /// What was there after the end and not before, or the other way round: mounts, processes, files.
    pub left: Vec<String>,
}

/// A process, as `/proc/<pid>` shows it from outside.
#[derive(Clone, Debug, Default)]
pub struct Process {
    /// Its number in every PID namespace that it is in, the innermost last (`NSpid`, proc(5)).
    pub nspid: Vec<i32>,
    /// Its namespaces: name and inode number.
    pub namespaces: BTreeMap<String, u64>,
    /// Its `mountinfo`.
    pub mountinfo: String,
    /// Whether its root directory is another than the decoy host's.
    pub own_root: Option<bool>,
    /// The numbers that the `/proc` of its root lists; none where that is no procfs.
    pub proc_lists: Option<Vec<i32>>,
    /// The processes of its PID namespace as the host counts them, by their innermost number.
    pub companions: Vec<i32>,
}

/// How a process ended, or that it has not.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Ending {
    /// It lives, or nothing is known of its end.
    #[default]
    None,
    /// It exited with this status.
    Exited(i32),
    /// This signal killed it (signal(7)).
    Killed(i32),
}

/// What the host saw of an attempt.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Seen {
    /// The effect: the attempt escaped.
    Effect(String),
    /// An effect that stayed inside, and how the host knows.
    Confined(String),
    /// Nothing.
    Nothing,
}

impl Host {
    /// Whether the attacker and the decoy host's PID 1 are in one namespace of this kind.
    /// None where it could not be read.
    pub fn shares(&self, namespace: &str) -> Option<bool> {
        Some(self.namespaces.get(namespace)? == self.attacker.namespaces.get(namespace)?)
    }

    /// Whether the attacker brought these bytes out.
    pub fn heard(&self, bytes: &[u8]) -> bool {
        !bytes.is_empty() && self.said.windows(bytes.len()).any(|window| window == bytes)
    }
}
