//! What the host looks like: everything that a container could leave behind.

use crate::stage::PATIENCE;
use nix::sys::signal::Signal;
use nix::unistd::Pid;
use std::collections::BTreeSet;
use std::fs;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use std::thread;
use std::time::{Duration, Instant};

/// What a container could leave behind on the host. One line is one thing.
#[derive(Debug, PartialEq, Eq)]
pub struct Host {
    /// What nobody else changes: the mounts of this test's namespace, and every file of its root file system.
    own: BTreeSet<String>,
    /// What all of the machine shares: loop devices, control groups, the places of temporary files.
    shared: BTreeSet<String>,
}

impl Host {
    /// The host now.
    pub fn now(rootfs: &Path) -> Host {
        let mut own: BTreeSet<String> = mounts().lines().map(|mount| format!("mount {mount}")).collect();
        for path in tree(rootfs) {
            let file = path.symlink_metadata().unwrap();
            let (mode, uid, size) = (file.mode(), file.uid(), file.size());
            own.insert(format!("file {}: mode {mode:o}, uid {uid}, {size} bytes", path.display()));
        }

        let mut shared = BTreeSet::new();
        for device in entries("/sys/block") {
            if let Ok(file) = fs::read_to_string(device.join("loop/backing_file")) {
                shared.insert(format!("loop device {}: {file}", device.display()));
            }
        }
        for directory in tree("/sys/fs/cgroup").into_iter().filter(|path| path.is_dir()) {
            shared.insert(format!("control group {}", directory.display()));
        }
        for place in ["/tmp", "/var/tmp", "/run", "/run/netns", "/dev/shm"] {
            shared.extend(entries(place).iter().map(|path| format!("file {}", path.display())));
        }
        Host { own, shared }
    }

    /// Panics unless the host is as it was `before`.
    #[track_caller]
    pub fn assert_unchanged_since(&self, before: &Host, rootfs: &Path) {
        let nothing = BTreeSet::new();
        let changes = |now: &BTreeSet<String>, before: &BTreeSet<String>| {
            now.symmetric_difference(before).cloned().collect::<BTreeSet<String>>()
        };
        assert_eq!(changes(&self.own, &before.own), nothing, "left behind, or gone");
        // Another program may have made something meanwhile. It will be gone, what a lab leaves behind will not.
        let more = |now: &Host| now.shared.difference(&before.shared).cloned().collect::<BTreeSet<String>>();
        let mut left = more(self);
        wait_for(|| {
            left = more(&Host::now(rootfs));
            left.is_empty()
        });
        assert_eq!(left, nothing, "left behind");
    }
}

/// The mount table of the test's own namespace.
pub fn mounts() -> String {
    fs::read_to_string("/proc/self/mountinfo").unwrap()
}

/// The processes whose parent is `pid`.
pub fn children(pid: Pid) -> Vec<Pid> {
    let is_child = |process: &Pid| status(*process, "PPid").is_some_and(|parent| parent == pid.to_string());
    processes().filter(is_child).collect()
}

/// The processes that have `word` in their command line.
pub fn processes_with(word: &str) -> Vec<Pid> {
    let has_word = |process: &Pid| {
        fs::read(format!("/proc/{process}/cmdline"))
            .is_ok_and(|line| line.windows(word.len()).any(|part| part == word.as_bytes()))
    };
    processes().filter(has_word).collect()
}

/// A field of `/proc/<pid>/status` (proc_pid_status(5)); none if there is no such process.
pub fn status(pid: Pid, field: &str) -> Option<String> {
    let status = fs::read_to_string(format!("/proc/{pid}/status")).ok()?;
    let line = status.lines().find_map(|line| line.strip_prefix(field)?.strip_prefix(':'))?;
    Some(line.trim().to_owned())
}

/// Whether a signal has been sent to the process, which has yet to take it.
pub fn pending(pid: Pid, signal: Signal) -> bool {
    ["SigPnd", "ShdPnd"].iter().any(|field| {
        let mask = status(pid, field).expect("the process runs");
        u64::from_str_radix(&mask, 16).unwrap() & 1 << (signal as u64 - 1) != 0
    })
}

/// Waits for what the host can only ask for again and again.
#[track_caller]
pub fn wait_until(happened: impl FnMut() -> bool) {
    assert!(wait_for(happened), "it did not happen");
}

/// Whether it happened before our patience was at an end.
fn wait_for(mut happened: impl FnMut() -> bool) -> bool {
    let begin = Instant::now();
    loop {
        match happened() {
            true => return true,
            false if begin.elapsed() > PATIENCE => return false,
            false => thread::sleep(Duration::from_millis(1)),
        }
    }
}

fn processes() -> impl Iterator<Item = Pid> {
    let number = |path: PathBuf| path.file_name()?.to_str()?.parse().ok().map(Pid::from_raw);
    entries("/proc").into_iter().filter_map(number)
}

fn entries(directory: impl AsRef<Path>) -> Vec<PathBuf> {
    let Ok(entries) = fs::read_dir(directory) else { return Vec::new() };
    entries.flatten().map(|entry| entry.path()).collect()
}

/// Everything below a directory.
fn tree(directory: impl AsRef<Path>) -> Vec<PathBuf> {
    let mut found = entries(directory);
    let mut next = 0;
    while let Some(path) = found.get(next) {
        if path.symlink_metadata().is_ok_and(|file| file.is_dir()) {
            found.extend(entries(path));
        }
        next += 1;
    }
    found
}
