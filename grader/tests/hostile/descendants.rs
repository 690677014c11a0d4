//! Processes that a grader has left.
//!
//! The test adopts every orphan below it (PR_SET_CHILD_SUBREAPER, prctl(2)). So whatever a grader or a program in it
//! has started is below the test for as long as it lives, in whichever session, namespace or group it hides.

use crate::groups;
use nix::sys::prctl::set_child_subreaper;
use nix::sys::signal::{Signal, kill};
use nix::sys::wait::{WaitPidFlag, waitpid};
use nix::unistd::Pid;
use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::sync::{Mutex, PoisonError};
use std::thread::sleep;
use std::time::{Duration, Instant};

/// How long the end of everything may take.
const TIMEOUT: Duration = Duration::from_secs(30);

/// From now on orphans come to this process.
pub fn adopt() {
    set_child_subreaper(true).unwrap();
}

/// A process of the test's own that no grader has started.
pub fn spare(pid: i32) {
    SPARED.lock().unwrap_or_else(PoisonError::into_inner).insert(pid);
}

static SPARED: Mutex<BTreeSet<i32>> = Mutex::new(BTreeSet::new());

/// The living processes below this one, and what each is called. Nothing else of this process's may be waited for
/// meanwhile.
pub fn living() -> BTreeMap<i32, String> {
    let mut parents = BTreeMap::new();
    for entry in fs::read_dir("/proc").unwrap().flatten() {
        let Some(pid) = entry.file_name().to_str().and_then(|name| name.parse::<i32>().ok()) else {
            continue;
        };
        let stat =
            String::from_utf8_lossy(&fs::read(entry.path().join("stat")).unwrap_or_default()).into_owned();
        let Some((name, rest)) = stat.rsplit_once(") ") else { continue };
        let mut fields = rest.split(' ');
        let state = fields.next().unwrap_or_default().to_owned();
        let parent: i32 = fields.next().and_then(|field| field.parse().ok()).unwrap_or_default();
        let name = name.split_once('(').map_or("", |(_, name)| name).to_owned();
        parents.insert(pid, (parent, state, name));
    }
    let me = std::process::id() as i32;
    let is_below = |mut pid: i32| {
        while let Some((parent, _, _)) = parents.get(&pid) {
            if *parent == me {
                return true;
            }
            pid = *parent;
        }
        false
    };
    let mut living = BTreeMap::new();
    let spared = SPARED.lock().unwrap_or_else(PoisonError::into_inner).clone();
    for (pid, (parent, state, name)) in parents.iter().filter(|(pid, _)| !spared.contains(pid)) {
        if *parent == me && state == "Z" {
            let _ = waitpid(Pid::from_raw(*pid), Some(WaitPidFlag::WNOHANG));
        } else if !["Z", "X"].contains(&state.as_str()) && is_below(*pid) {
            living.insert(*pid, format!("{name} ({state})"));
        }
    }
    living
}

/// Ends them all, and removes the groups of the grader `maker`. Returns what could not be ended.
pub fn end(maker: i32) -> Vec<String> {
    let begin = Instant::now();
    let mut left = living();
    while !left.is_empty() && begin.elapsed() < TIMEOUT {
        // Who has a millisecond of CPU a second, or is frozen, does not die of a signal.
        groups::lift(maker);
        for pid in left.keys() {
            let _ = kill(Pid::from_raw(*pid), Signal::SIGKILL);
            let _ = kill(Pid::from_raw(*pid), Signal::SIGCONT);
        }
        sleep(Duration::from_millis(20));
        left = living();
    }
    groups::remove(maker);
    left.into_iter().map(|(pid, name)| format!("process {pid} {name} can't be ended")).collect()
}
