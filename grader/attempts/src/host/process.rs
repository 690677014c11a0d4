//! A process as its host sees it: its state, and the files that it has open.

use nix::sys::stat::{FileStat, SFlag, major, minor};
use std::collections::BTreeMap;
use std::path::Path;

/// A process, as `/proc/<pid>` shows it from outside.
#[derive(Clone, Debug, Default)]
pub struct Process {
    /// Its number in every PID namespace that it is in, the innermost last (`NSpid`, proc(5)).
    pub nspid: Vec<i32>,
    /// Its namespaces: name and inode number.
    pub namespaces: BTreeMap<String, u64>,
    /// Its `mountinfo`.
    pub mountinfo: String,
    /// Whether its root directory differs from the decoy host's.
    pub own_root: Option<bool>,
    /// Its real uid, as the host counts uids.
    pub uid: Option<u32>,
    /// Its effective uid, as the host counts uids.
    pub euid: Option<u32>,
    /// Lines of its `status` by their name: `CapBnd`, `NoNewPrivs`, ...
    pub status: BTreeMap<String, String>,
    /// The environment that it was executed with: `NAME=value` and a NUL, repeated. None where it could not be read.
    pub environment: Option<Vec<u8>>,
    /// Its open descriptors.
    pub descriptors: Vec<Descriptor>,
    /// The user namespaces of its children.
    pub children_user: Vec<u64>,
    /// Its execution domain (personality(2)).
    pub personality: Option<u64>,
    /// The file that it executes, where the host has looked at it.
    pub executes: Option<Executed>,
    /// The users of its user namespace: `uid_map` (user_namespaces(7)), with ids as the host counts them.
    pub uid_map: String,
    /// Its CPU time during the check.
    pub cpu: Cpu,
    /// How far the clock that counts from the machine's start is set apart in its time namespace, in seconds; none where the
    /// host can't read it.
    pub boot_offset: Option<i64>,
    /// The process numbers that the `/proc` of its root lists; none where that is no procfs.
    pub proc_lists: Option<Vec<i32>>,
    /// The processes of its PID namespace as the host counts them, by their innermost number.
    pub companions: Vec<i32>,
}

/// An open descriptor, as `/proc/<pid>/fd` and `fdinfo` show it from outside.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Descriptor {
    /// The link's text: a path as the process sees it, or `anon_inode:[...]`.
    pub target: String,
    /// Whether it is open for writing.
    pub writes: bool,
    /// The type of its file system (statfs(2)).
    pub file_system: i64,
    /// The device of its file system, as `mountinfo` writes it: `major:minor`.
    pub device: String,
}

/// A file that the attacker has open, as fstat(2) describes it to the host.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Opened {
    /// The device number of its file system.
    pub device: u64,
    /// Its inode number.
    pub inode: u64,
    /// Its type and permissions (`st_mode`, inode(7)).
    pub mode: u32,
    /// The number of the device that it is a node of.
    pub node: u64,
    /// Its owner, as the host counts uids.
    pub uid: u32,
}

/// A process's share of CPU time, in seconds.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Cpu {
    /// The time that it ran.
    pub used: f64,
    /// The elapsed time.
    pub passed: f64,
}

/// A file that a process executes (`/proc/<pid>/exe`).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Executed {
    /// Its owner, as the host counts uids.
    pub owner: u32,
    /// Whether it has the set-user-ID bit.
    pub setuid: bool,
    /// Whether its mount has `nosuid`.
    pub nosuid: bool,
}

impl Process {
    /// The path of a descriptor that it has open for writing, on a file system of this type (statfs(2)), if the path
    /// ends with these parts.
    pub fn writes_to(&self, file_system: i64, parts: &str) -> Option<&str> {
        let found = self
            .descriptors
            .iter()
            .find(|it| it.writes && it.file_system == file_system && Path::new(&it.target).ends_with(parts));
        found.map(|it| it.target.as_str())
    }
}

impl Opened {
    /// Whether it is of this type.
    pub fn is(&self, kind: SFlag) -> bool {
        SFlag::from_bits_truncate(self.mode) & SFlag::S_IFMT == kind
    }

    /// The device number of its file system, as `mountinfo` writes it.
    pub fn file_system(&self) -> String {
        format!("{}:{}", major(self.device), minor(self.device))
    }
}

impl From<FileStat> for Opened {
    fn from(it: FileStat) -> Opened {
        Opened { device: it.st_dev, inode: it.st_ino, mode: it.st_mode, node: it.st_rdev, uid: it.st_uid }
    }
}
