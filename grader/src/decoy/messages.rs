//! What the grader and a decoy's PID 1 tell each other, over a [`Channel`](crate::channel::Channel).

use super::start::Program;
use crate::text;
use attempts::host::Served;
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
    /// Say what your IPC objects, services and key are; with words, make them anew before.
    Serve(Option<BTreeMap<String, String>>),
    /// End your victim and start another one, whose number nobody knows.
    RenewVictim,
    /// Mount an empty file system of this name below the directory of the root file system, or take it away again.
    MountLater {
        /// The name.
        name: String,
        /// Whether it is to be there.
        there: bool,
    },
    /// Put away the files that were left, and say whether you are as you were at first.
    Settle,
}

/// What PID 1 says.
#[derive(Debug, Serialize, Deserialize)]
pub enum FromPid1 {
    /// The decoy stands.
    Ready(Box<Ready>),
    /// What was asked could not be done.
    Failed(String),
    /// The program waits at its gate. Descriptors: see [`super::start::Started`].
    Started {
        /// Processes of earlier starts that had to be ended before.
        strangers: usize,
    },
    /// The answer to [`ToPid1::Serve`].
    Served(Served),
    /// The answer to [`ToPid1::RenewVictim`]: its number.
    Victim(i32),
    /// The answer to [`ToPid1::MountLater`].
    Mounted,
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

impl FromPid1 {
    /// In its text there may be a path, as long as a program has made it.
    pub fn failed(error: &anyhow::Error) -> FromPid1 {
        FromPid1::Failed(text::cut(&format!("{error:#}"), 1000))
    }
}

/// What a decoy says of itself when it stands.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub struct Ready {
    /// The namespaces of its PID 1: name and inode number.
    pub namespaces: BTreeMap<String, u64>,
    /// Device and inode of its root directory.
    pub root: (u64, u64),
    /// The victim, in the decoy's PID namespace.
    pub victim: i32,
    /// What it looked like then.
    pub first: Snapshot,
}

/// What a decoy looks like. A program under test has a hand in all of it: so no part of it grows without end.
#[derive(Clone, Debug, Default, Serialize, Deserialize, PartialEq, Eq)]
pub struct Snapshot {
    /// `/proc/self/mountinfo` of its PID 1; none where it is longer than [`MAX_MOUNTINFO`].
    pub mountinfo: Option<String>,
    /// Where mounts are now and were not when the decoy was made, and the other way round.
    pub mounts: Changes,
    /// The mounts that are there and not as they were when the decoy was made, each with what has changed.
    pub other_mounts: Names,
    /// Its host name.
    pub hostname: String,
    /// Its boot-time clock, in seconds.
    pub boottime: i64,
    /// The processes in its PID namespace.
    pub processes: Vec<i32>,
    /// What has changed in its own tree, if that was asked for.
    pub files: Changes,
    /// The new directories among them in which there is nothing, outside of the root file system and of where programs keep
    /// their state.
    pub empty: Names,
    /// What is the host's own, files or else, and is not as it was, if that was asked for.
    pub changed: Names,
    /// Files that are set-user-ID and root's now and were not, if they were asked for, each with the end of its path; none
    /// where there are more than [`MAX_SETUID`].
    pub setuid: Option<Vec<String>>,
    /// The victim's wait(2) status, if it has ended.
    pub victim: Option<i32>,
}

/// In bytes. A decoy's own mount table has 40 lines; in JSON a byte may become six.
pub const MAX_MOUNTINFO: usize = 512 << 10;

/// More set-user-ID files than an attempt leaves.
pub const MAX_SETUID: usize = 1000;

/// What is there and was not, and what was there and is not.
#[derive(Clone, Debug, Default, Serialize, Deserialize, PartialEq, Eq)]
pub struct Changes {
    /// What is new.
    pub new: Names,
    /// What is gone.
    pub gone: Names,
}

/// Of many names the first ones, and how many there are.
#[derive(Clone, Debug, Default, Serialize, Deserialize, PartialEq, Eq)]
pub struct Names {
    /// The first ones, not in full where they are long.
    pub first: Vec<String>,
    /// How many there are.
    pub count: usize,
}

impl Names {
    /// So many are kept, and of each so many characters.
    const KEPT: usize = 3;
    const MAX_CHARS: usize = 200;

    /// This one.
    pub fn one(name: &str) -> Names {
        let mut names = Names::default();
        names.add(name);
        names
    }

    /// Adds others.
    pub fn append(&mut self, others: Names) {
        let room = Names::KEPT.saturating_sub(self.first.len());
        self.first.extend(others.first.into_iter().take(room));
        self.count += others.count;
    }

    /// Adds one.
    pub fn add(&mut self, name: &str) {
        if self.count < Names::KEPT {
            self.first.push(text::cut(name, Names::MAX_CHARS));
        }
        self.count += 1;
    }

    /// How many were not kept.
    pub fn more(&self) -> usize {
        self.count - self.first.len()
    }
}
