//! What the host looks like: everything that a container could leave behind.

use nix::unistd::Pid;
use std::collections::BTreeSet;
use std::fs;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};

/// What a container could leave behind on the host. One line is one thing.
#[derive(Debug, PartialEq, Eq)]
pub struct Host(BTreeSet<String>);

impl Host {
    /// The host now: mounts, loop devices, control groups, what lies where temporary files are put, and every
    /// file of `rootfs`.
    pub fn now(rootfs: &Path) -> Host {
        let mut seen: BTreeSet<String> = mounts().lines().map(|mount| format!("mount {mount}")).collect();
        for device in entries("/sys/block") {
            if let Ok(file) = fs::read_to_string(device.join("loop/backing_file")) {
                seen.insert(format!("loop device {}: {file}", device.display()));
            }
        }
        for directory in tree("/sys/fs/cgroup").into_iter().filter(|path| path.is_dir()) {
            seen.insert(format!("control group {}", directory.display()));
        }
        for place in ["/tmp", "/var/tmp", "/run", "/run/netns", "/dev/shm"] {
            seen.extend(entries(place).iter().map(|path| format!("file {}", path.display())));
        }
        for path in tree(rootfs) {
            if let Ok(file) = path.symlink_metadata() {
                let (mode, uid, size) = (file.mode(), file.uid(), file.size());
                seen.insert(format!("file {}: mode {mode:o}, uid {uid}, {size} bytes", path.display()));
            }
        }
        Host(seen)
    }

    /// What is there now and was not before, and the other way round.
    pub fn changes_since(&self, before: &Host) -> Vec<String> {
        let more = self.0.difference(&before.0).map(|thing| format!("+ {thing}"));
        let less = before.0.difference(&self.0).map(|thing| format!("- {thing}"));
        more.chain(less).collect()
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
