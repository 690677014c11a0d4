//! What the grader and a decoy's PID 1 tell each other, over a [`Channel`](crate::channel::Channel).

use super::start::Program;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// What PID 1 is told.
#[derive(Debug, Serialize, Deserialize)]
pub enum ToPid1 {
    /// The ids are mapped: go on.
    Begin,
    /// Start this.
    Start(Program),
    /// Say what you look like; with `files`, also which files there are.
    Snapshot {
        /// Whether to list them.
        files: bool,
    },
    /// Put away the files that were left, and say whether you are as you were at first.
    Settle,
}

/// What PID 1 says.
#[derive(Debug, Serialize, Deserialize)]
pub enum FromPid1 {
    /// The decoy stands. Descriptor: the listening socket.
    Ready(Box<Ready>),
    /// What was asked could not be done.
    Failed(String),
    /// The program waits at its gate. Descriptors: see [`super::start::Started`].
    Started {
        /// Processes of earlier starts that had to be ended before.
        strangers: usize,
    },
    /// The answer to a snapshot.
    Snapshot(Box<Snapshot>),
    /// The answer to [`ToPid1::Settle`].
    Settled {
        /// Whether nothing has changed.
        same: bool,
    },
    /// A program that was started has ended.
    Ended {
        /// Its index, in the order of starts.
        nth: usize,
        /// Its wait(2) status.
        status: i32,
    },
}

/// What a decoy says of itself when it stands.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub struct Ready {
    /// The namespaces of its PID 1: name and inode number.
    pub namespaces: BTreeMap<String, u64>,
    /// Device and inode of its root directory.
    pub root: (u64, u64),
    /// Device and inode of the probe.
    pub probe: (u64, u64),
    /// The victim, in the decoy's PID namespace.
    pub victim: i32,
    /// What it looked like then, without its files.
    pub first: Snapshot,
}

/// What a decoy looks like.
#[derive(Clone, Debug, Default, Serialize, Deserialize, PartialEq, Eq)]
pub struct Snapshot {
    /// `/proc/self/mountinfo` of its PID 1.
    pub mountinfo: String,
    /// Its host name.
    pub hostname: String,
    /// Its boot-time clock, in seconds.
    pub boottime: i64,
    /// The processes in its PID namespace.
    pub processes: Vec<i32>,
    /// The files of its own tree, if they were asked for.
    pub files: Vec<String>,
    /// Those of them that are set-user-ID and root's.
    pub setuid: Vec<String>,
    /// The victim's wait(2) status, if it has ended.
    pub victim: Option<i32>,
}
