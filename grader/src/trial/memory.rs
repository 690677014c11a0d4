//! The memory that a decoy takes, watched where no control group limits it: without root, mostly. A file system in
//! memory of the program's own is no part of any process's size, and grows until the machine has nothing left.

use crate::decoy::limits::MEMORY;
use crate::proc;
use nix::sys::statfs::{TMPFS_MAGIC, statfs};
use nix::unistd::Pid;
use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::os::unix::fs::MetadataExt;
use std::time::{Duration, Instant};

/// How often the machine's figures are read: it fills some hundred MiB in this time.
const INTERVAL: Duration = Duration::from_millis(50);

/// Less than this part of the machine's memory, and the trial ends whoever took the rest.
const RESERVE: u64 = 20;

/// Watches one decoy.
pub struct Watch {
    pid1: Pid,
    /// What could be had when the watch began, in bytes.
    first: u64,
    looked: Instant,
}

impl Watch {
    /// From now on.
    pub fn start(pid1: Pid) -> Watch {
        Watch { pid1, first: available().0, looked: Instant::now() }
    }

    /// Why the decoy has to be ended, if so.
    ///
    /// What the machine has left costs little to read and tells of everything. Only where it has become much less is it
    /// found out how much of that the decoy took: the person may do other things meanwhile.
    pub fn exceeded(&mut self) -> Option<String> {
        if self.looked.elapsed() < INTERVAL {
            return None;
        }
        self.looked = Instant::now();
        let (left, total) = available();
        let mib = |bytes: u64| bytes >> 20;
        if self.first.saturating_sub(left) > MEMORY / 2 {
            let taken = taken(self.pid1);
            if taken > MEMORY {
                return Some(format!(
                    "it took {} MiB of memory: the limit is {} MiB",
                    mib(taken),
                    mib(MEMORY)
                ));
            }
        }
        (left < total / RESERVE && self.first.saturating_sub(left) > MEMORY)
            .then(|| format!("while it ran the machine's memory came to its end: {} MiB are left", mib(left)))
    }
}

/// What can be had without swapping, and all there is, in bytes (MemAvailable, proc_meminfo(5)).
fn available() -> (u64, u64) {
    let text = fs::read_to_string("/proc/meminfo").unwrap_or_default();
    (kib(&text, "MemAvailable"), kib(&text, "MemTotal"))
}

/// What the processes of a decoy take, and what lies in the file systems in memory that they see, in bytes.
fn taken(pid1: Pid) -> u64 {
    let (mut processes, mut file_systems) = (0, BTreeMap::new());
    let mut seen = BTreeSet::new();
    for pid in descendants(pid1) {
        // Shared pages count in part, so that a fork costs nothing.
        let sizes = proc::read(pid, "smaps_rollup");
        processes += kib(&sizes, "Pss_Anon") + kib(&sizes, "Pss_Shmem");
        let namespace = fs::read_link(format!("/proc/{pid}/ns/mnt")).ok();
        if namespace.is_none_or(|namespace| seen.insert(namespace)) {
            for mount in proc::mounts(&proc::read(pid, "mountinfo")).filter(|mount| mount.kind == "tmpfs") {
                // A name with a space can't be looked at by what is written there; its files that are open can.
                note(&format!("/proc/{pid}/root{}", mount.point), &mut file_systems);
            }
        }
        for file in fs::read_dir(format!("/proc/{pid}/fd")).into_iter().flatten().flatten() {
            note(&file.path().to_string_lossy(), &mut file_systems);
        }
    }
    processes + file_systems.into_values().sum::<u64>()
}

/// How much lies in the file system in memory that a path leads to: by the file system's number, since it may be seen in
/// many places. A memfd is in one that has no size: then it is the file's own.
fn note(path: &str, found: &mut BTreeMap<(u64, u64), u64>) {
    let (Ok(file), Ok(system)) = (fs::metadata(path), statfs(path)) else { return };
    if system.filesystem_type() == TMPFS_MAGIC {
        if system.blocks() == 0 {
            found.insert((file.dev(), file.ino()), file.blocks() * 512);
        } else {
            found.insert(
                (file.dev(), 0),
                (system.blocks() - system.blocks_free()) * system.block_size() as u64,
            );
        }
    }
}

fn descendants(pid1: Pid) -> Vec<i32> {
    let parent = |pid| Some((pid, proc::stat_field(&proc::read(pid, "stat"), 4)?.parse().ok()?));
    let parents: Vec<(i32, i32)> = proc::numbers("/proc").into_iter().filter_map(parent).collect();
    let mut found = vec![pid1.as_raw()];
    let mut at = 0;
    while let Some(parent) = found.get(at).copied() {
        found.extend(parents.iter().filter(|(_, of)| *of == parent).map(|(pid, _)| *pid));
        at += 1;
    }
    found
}

/// The number of KiB behind a name, in bytes.
fn kib(text: &str, name: &str) -> u64 {
    let number =
        proc::field(text, name).and_then(|value| value.strip_suffix("kB")?.trim().parse::<u64>().ok());
    number.unwrap_or(0) << 10
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::io::Write;

    #[test]
    fn figures_are_read() {
        assert_eq!(kib("MemTotal:       24 kB\nMemAvailable:   7 kB\n", "MemAvailable"), 7 << 10);
    }

    #[test]
    fn a_file_in_memory_counts_and_so_does_a_process() {
        let own = Pid::this();
        let takes_more = || {
            let before = taken(own);
            let flags = nix::sys::memfd::MFdFlags::MFD_CLOEXEC;
            let mut file = fs::File::from(nix::sys::memfd::memfd_create("test", flags).unwrap());
            file.write_all(&vec![1; 64 << 20]).unwrap();
            let memory = vec![1u8; 64 << 20];
            let more = taken(own).saturating_sub(before);
            memory.len() as u64 <= more && more >= 120 << 20
        };
        // Other tests of this process give back what they had taken, at any time.
        assert!((0..20).any(|_| takes_more()));
    }

    #[test]
    fn nothing_is_exceeded_by_what_nobody_in_the_decoy_takes() {
        let mut watch = Watch { looked: Instant::now() - INTERVAL, ..Watch::start(Pid::this()) };
        watch.first = u64::MAX;
        // This process takes far less than the limit.
        assert_eq!(watch.exceeded().filter(|why| why.starts_with("it took")), None);
    }
}
