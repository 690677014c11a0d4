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
use std::os::unix::fs::MetadataExt;
use std::sync::{Mutex, PoisonError};
use std::thread::sleep;
use std::time::{Duration, Instant};

/// How long the end of everything may take.
const TIMEOUT: Duration = Duration::from_secs(30);

/// From now on orphans come to this process.
pub fn adopt() {
    set_child_subreaper(true).unwrap();
}

/// This process is neither listed nor waited for here: the test does that.
pub fn spare(pid: i32) {
    SPARED.lock().unwrap_or_else(PoisonError::into_inner).insert(pid);
}

/// From now on it is.
pub fn spare_no_more(pid: i32) {
    SPARED.lock().unwrap_or_else(PoisonError::into_inner).remove(&pid);
}

static SPARED: Mutex<BTreeSet<i32>> = Mutex::new(BTreeSet::new());

/// The living processes below this one, and what each is called. Orphans that have ended are waited for, as init(1)
/// does: until then they keep their groups.
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

/// Ranges of 65,536 ids that decoys of this test have had.
pub fn ranges() -> BTreeSet<u32> {
    static SEEN: Mutex<BTreeSet<u32>> = Mutex::new(BTreeSet::new());
    let mut seen = SEEN.lock().unwrap_or_else(PoisonError::into_inner);
    for pid in living().keys() {
        let owner = fs::metadata(format!("/proc/{pid}")).map(|it| it.uid());
        let map = fs::read_to_string(format!("/proc/{pid}/uid_map")).unwrap_or_default();
        let outside = map.lines().filter_map(|line| line.split_whitespace().nth(1)?.parse().ok());
        seen.extend(outside.chain(owner).map(|id: u32| id / 65_536).filter(|range| *range > 0));
    }
    seen.clone()
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
