//! The facts that a witness reads: what the host itself saw, as a plain record.
//!
//! # Layout
//! - [`process`]: a process, and the files that it has open. [`mounts`]: mount tables.

pub mod mounts;
mod process;

pub use process::{Cpu, Descriptor, Executed, Opened, Process};

use crate::rules::Rules;
use nix::libc;
use nix::sys::stat::SFlag;
use std::collections::BTreeMap;

/// The host's facts at the end of a check.
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
    /// The attacker's mark: a random word.
    pub mark: String,
    /// The first bytes of the decoy disk; none where no disk could be made.
    pub disk: Option<Vec<u8>>,
    /// The bytes that the attacker sent to the host.
    pub said: Vec<u8>,
    /// The files of the attacker that the host has looked at, by duplicates of its descriptors (pidfd_getfd(2)).
    pub opened: Vec<Opened>,
    /// Device and inode of what is at stake, by its place.
    pub stakes: BTreeMap<String, Vec<(u64, u64)>>,
    /// The places where what is at stake was gone or changed at the end.
    pub spoiled: Vec<String>,
    /// The device number of the decoy disk.
    pub disk_number: Option<u64>,
    /// What the program under test wrote to standard output.
    pub stdout: Vec<u8>,
    /// The uid of the host's root, as the host counts uids.
    pub root_uid: u32,
    /// The attacking process, read from outside while it lived.
    pub attacker: Process,
    /// The same process, before it was asked to attack.
    pub attacker_before: Process,
    /// How PID 1 of the attacker's PID namespace ended, if the host had seized it with ptrace(2) and it is not the
    /// host's own.
    pub container_pid1: Ending,
    /// How the program under test ended.
    pub program: Ending,
    /// How its command ended, if the host had seized that with ptrace(2).
    pub command: Ending,
    /// What the program wrote to standard error.
    pub stderr: Vec<u8>,
    /// Whether the program is a lab: labs must pass more checks, for example on their messages.
    pub is_lab: bool,
    /// Starts whose command was asked to exit with a given status.
    pub starts: Vec<Start>,
    /// Of how many starts that were alike the command began, and of how many in all.
    pub began: (usize, usize),
    /// The command's words as the program was given them.
    pub asked_for: Vec<String>,
    /// The command's words as it was executed with them; none where they could not be read.
    pub executed_with: Option<Vec<String>>,
    /// Empty directories that are new on the host, outside of the root file system, while the command runs; none where the host
    /// could not be looked at.
    pub empty_directories: Option<Vec<String>>,
    /// Whether a mount that the host made below the directory, while the command ran, appeared inside; the error says why that
    /// is not known.
    pub later_mount: Option<Result<bool, String>>,
    /// Whether a second container ran beside the first, from the same directory.
    pub second: Tried,
    /// Whether it ran with a relative path, with a space and with a slash at its end.
    pub odd_path: Tried,
    /// Whether it ran on a read-only file system.
    pub read_only: Tried,
    /// How many processes of the container were left after its end. None, here and below: nobody has looked.
    pub left_processes: Option<usize>,
    /// Programs that were executed besides the program under test and its command; none where the host could not trace
    /// it.
    pub executed: Option<Vec<String>>,
    /// The secrets on the host: random words, by the name of their place.
    pub secrets: BTreeMap<String, String>,
    /// The return value of the decisive system call as the host saw it; a negative errno where it was refused; none
    /// where the call was not made or did not return.
    pub call: Option<Option<i64>>,
    /// How the victim ended.
    pub victim: Ending,
    /// The host's boot-time clock, in seconds.
    pub boottime: i64,
    /// How far it is set apart, as in [`Process::boot_offset`].
    pub boot_offset: Option<i64>,
    /// How many processes there are in the host's PID namespace.
    pub processes: usize,
    /// The foreground process group of the caller's terminal, where it has one, before and after.
    pub foreground: (Option<i32>, Option<i32>),
    /// What the attacker has of that terminal.
    pub terminal: Terminal,
    /// Bytes that arrived over that terminal as if they had been typed.
    pub typed: Vec<u8>,
    /// Set-user-ID files of the host's root in its own tree that were not there before.
    pub setuid_files: Vec<String>,
    /// All mounts of the attacker's mount namespace, read by joining it without a chroot.
    pub namespace_mounts: Option<String>,
    /// The address of the kernel's text, as the host reads it in /proc/kallsyms.
    pub kernel_text: Option<String>,
    /// The control group that the host put the container into, before the attempt and after.
    pub group: (GroupFacts, GroupFacts),
    /// What the attacker and a process of the host's got, in seconds, when both wanted all of one processor; the error says why
    /// that is not known. None where the host had no such process.
    pub rivalry: Option<Result<(f64, f64), String>>,
    /// Mounts, processes and files that differ before and after.
    pub left: Option<Vec<String>>,
    /// What of the host's own, or its caller's, a program has changed beyond its container: while its command ran, or
    /// later.
    pub changed: Option<Vec<String>>,
    /// What was wrong with the stake before the attack, if anything: then nothing follows from its failure.
    pub unfit: Option<String>,
    /// What the host made for this attempt when all stood still; none where the attempt needs none of it.
    pub services: Option<Served>,
    /// What the host has seen of the attacker's handles.
    pub handles: Handles,
    /// The rules by which it judges.
    pub rules: Rules,
}

/// What a host makes anew for an attempt: what nobody can have prepared for, or can tell from others.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
pub struct Served {
    /// A System V segment: its key and its number (shmget(2)).
    pub segment: (i32, i32),
    /// The name of a message queue (mq_open(2)), and its inode number.
    pub queue: (String, u64),
    /// The name of an abstract socket (unix(7)).
    pub abstract_name: String,
    /// A port on 127.0.0.1.
    pub port: u16,
    /// The description of a key in the session keyring, and the numbers of the key and of the keyring (keyrings(7)); none where
    /// the kernel has no keys.
    pub key: Option<(String, i32, i32)>,
    /// Who has connected since, on the abstract socket and on the port.
    pub guests: (u32, u32),
}

/// What the host has seen of what an attacker holds, by its own look at it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Handles {
    /// The type of the file system on which a file of the kernel's lies (statfs(2)): another, where something lies over it.
    pub file_system: Option<i64>,
    /// Whether the mount of that file is read-only.
    pub read_only: Option<bool>,
    /// The network namespace of a socket, by its inode number.
    pub network: Option<u64>,
    /// The inode number of a message queue.
    pub queue: Option<u64>,
    /// The number of the session keyring (session-keyring(7)).
    pub keyring: Option<i32>,
    /// The number of a key that it has found.
    pub key: Option<i32>,
    /// Whether descriptors are on their way to it, in a socket that it holds (SCM_RIGHTS, unix(7)).
    pub in_flight: bool,
}

/// What an attacker has of the caller's terminal. None where there is no terminal.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Terminal {
    /// Whether one of its descriptors is that terminal.
    pub held: Option<bool>,
    /// Whether it is in the session of which that is the controlling terminal (tcgetsid(3) on the master).
    pub in_session: Option<bool>,
}

/// A container's control groups, as the host sees them. A figure is none where its controller is not available.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct GroupFacts {
    /// The name that the host gave: a random word.
    pub name: String,
    /// The attacker's group, as a path that begins with that name; none where unknown.
    pub place: Option<String>,
    /// Whether a pids controller counts its processes.
    pub counts_processes: bool,
    /// How often a group had no room for a process more (`pids.events`), of those that are full.
    pub forks_refused: Option<u64>,
    /// The memory in use, in bytes.
    pub memory: Option<u64>,
    /// The maximum of memory ever in use, in bytes.
    pub peak_memory: Option<u64>,
    /// Processes killed by the kernel because the group was out of memory.
    pub oom_kills: Option<u64>,
    /// How often a group would have gone beyond its limit of memory (`memory.failcnt`; in v2 `max` of `memory.events`).
    pub memory_refused: Option<u64>,
    /// How often the decoy host's own memory limit was reached, which is not the container's limit.
    pub host_limit: u64,
    /// Periods in which a quota of CPU time was in force (`nr_periods`), and those in which the group was throttled.
    pub periods: Option<u64>,
    /// See above (`nr_throttled`).
    pub throttled: Option<u64>,
    /// `release_agent` of a named v1 hierarchy that was made for this run.
    pub release_agent: Option<String>,
}

/// How a process ended, or that it has not ended.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Ending {
    /// It is running, or its end is unknown.
    #[default]
    None,
    /// It exited with this status.
    Exited(i32),
    /// This signal killed it (signal(7)).
    Killed(i32),
}

/// One start of the program under test, as seen at its end.
#[derive(Clone, Debug, Default)]
pub struct Start {
    /// The exit status that the command was asked for.
    pub asked: i32,
    /// How the program ended.
    pub program: Ending,
    /// What it wrote to standard error.
    pub stderr: Vec<u8>,
    /// Whether it was started with `--quiet`.
    pub quiet: bool,
}

/// Whether a start passed; the error says why not. None where it was not tried.
pub type Tried = Option<Result<(), String>>;

/// What the host saw of an attempt.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
pub enum Seen {
    /// The effect: the attempt escaped.
    Effect(String),
    /// An effect that stayed inside, and how the host knows.
    Confined(String),
    /// There is not enough evidence, and what is missing: for example, a busy machine looks like a CPU limit.
    Unclear(String),
    /// No effect.
    #[default]
    Nothing,
}

impl Handles {
    /// Whether a file of the kernel's was one, and no other that lies over it.
    pub fn is_of_the_kernel(&self) -> bool {
        self.file_system.is_some_and(|kind| [libc::PROC_SUPER_MAGIC, libc::SYSFS_MAGIC].contains(&kind))
    }
}

impl Host {
    /// Whether the attacker and the decoy host's PID 1 are in one namespace of this kind.
    /// None where it could not be read.
    pub fn shares(&self, namespace: &str) -> Option<bool> {
        Some(self.namespaces.get(namespace)? == self.attacker.namespaces.get(namespace)?)
    }

    /// The random word at this place of the host.
    pub fn secret(&self, place: &str) -> &str {
        self.secrets.get(place).map_or("", String::as_str)
    }

    /// Whether the attacker sent the random word of this place.
    pub fn heard_secret(&self, place: &str) -> bool {
        self.heard(self.secret(place).as_bytes())
    }

    /// Whether the attacker sent the first bytes of the decoy disk.
    pub fn heard_disk(&self) -> bool {
        self.disk.as_ref().is_some_and(|first| self.heard(first))
    }

    /// Whether the attacker sent these bytes.
    pub fn heard(&self, bytes: &[u8]) -> bool {
        contains(&self.said, bytes)
    }

    /// Whether what is mounted on the root directory of the host's mount namespace is what it was.
    pub fn has_its_root(&self) -> bool {
        let at_root = |table: &str| -> Vec<String> {
            let lines = table.lines().filter(|line| line.split(' ').nth(4) == Some("/"));
            lines.map(str::to_owned).collect()
        };
        at_root(&self.mountinfo.0) == at_root(&self.mountinfo.1)
    }

    /// Whether a process has no mount of the host's volume, and none whose changes the host would see.
    pub fn keeps_volume_from(&self, process: &Process) -> bool {
        let table = &process.mountinfo;
        !table.is_empty() && !table.contains(self.secret("volume")) && !table.contains(" shared:")
    }

    /// Whether the attacker has a file system mounted: a file on another it has from somebody else, and nothing says that
    /// the next one would lie there (SECCOMP_IOCTL_NOTIF_ADDFD, seccomp_unotify(2)). `device` is as `mountinfo` writes it.
    pub fn attacker_has_mounted(&self, device: &str) -> bool {
        self.attacker.mountinfo.lines().any(|line| line.split(' ').nth(2) == Some(device))
    }

    /// Whether a file is set-user-ID and root's on a file system that the host has mounted without `nosuid`.
    pub fn is_setuid_here(&self, file: &Opened) -> bool {
        let number = file.file_system();
        let holds = |line: &str| {
            let mut words = line.split(' ').skip(2);
            let device = words.next();
            let flags = words.nth(2).unwrap_or_default();
            device == Some(&number) && !flags.split(',').any(|flag| flag == "nosuid")
        };
        let is_setuid = file.mode & libc::S_ISUID != 0 && file.uid == self.root_uid;
        is_setuid && self.mountinfo.1.lines().any(holds)
    }

    /// Whether the attacker has this place of the host: it opened the file itself, or knows the random word in it.
    pub fn took(&self, place: &str) -> bool {
        let is_stake =
            |it: &Opened| self.stakes.get(place).is_some_and(|files| files.contains(&(it.device, it.inode)));
        self.opened.iter().any(is_stake) || self.heard_secret(place)
    }

    /// The same of the decoy disk.
    pub fn took_disk(&self) -> bool {
        let is_disk = |it: &Opened| it.is(SFlag::S_IFBLK) && Some(it.node) == self.disk_number;
        self.opened.iter().any(is_disk) || self.heard_disk()
    }

    /// Whether the attacker's mark arrived over the caller's terminal.
    pub fn typed_mark(&self) -> bool {
        contains(&self.typed, self.mark.as_bytes())
    }

    /// Whether the attacker has changed its user namespace.
    pub fn attacker_changed_user_namespace(&self) -> bool {
        let user = |process: &Process| process.namespaces.get("user").copied();
        user(&self.attacker_before).zip(user(&self.attacker)).is_some_and(|(before, after)| before != after)
    }

    /// Whether a child of the attacker is in another user namespace than the attacker.
    pub fn child_has_other_user_namespace(&self) -> bool {
        let own = self.attacker.namespaces.get("user");
        own.is_some_and(|own| self.attacker.children_user.iter().any(|user| user != own))
    }

    /// Whether the attacker's session keyring is known, and not the host's.
    pub fn has_other_keyring(&self) -> bool {
        let hosts = self.services.as_ref().and_then(|served| served.key.as_ref());
        hosts.zip(self.handles.keyring).is_some_and(|((_, _, ours), theirs)| *ours != theirs)
    }

    /// Whether the decisive call succeeded.
    pub fn call_succeeded(&self) -> bool {
        matches!(self.call, Some(Some(0..)))
    }
}

/// Whether `all` contains `some`; false for an empty `some`.
fn contains(all: &[u8], some: &[u8]) -> bool {
    !some.is_empty() && all.windows(some.len()).any(|window| window == some)
}
