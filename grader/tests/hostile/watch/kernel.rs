//! What the kernel lists: devices, mounts, groups, keys, System V objects, sockets, loop devices, settings, and names
//! in `/tmp`.
//!
//! Other programs run meanwhile. So a thing that is new is a fault only if it is still there when nothing of the grader
//! is left, and no other program's.

use crate::{descendants, groups};
use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::os::unix::fs::{FileTypeExt, MetadataExt};
use std::path::{Path, PathBuf};

/// Settings of the whole kernel that a program would like to change.
const SETTINGS: [&str; 10] = [
    "kernel/hostname",
    "kernel/domainname",
    "kernel/core_pattern",
    "kernel/modprobe",
    "kernel/sysrq",
    "kernel/panic",
    "kernel/randomize_va_space",
    "kernel/keys/maxkeys",
    "vm/overcommit_memory",
    "fs/mqueue/msg_max",
];

/// Where ids of decoys begin: above those of people and of systemd's containers.
const DECOYS: u32 = 0x30_0000;

/// What was seen.
pub struct Kernel {
    /// By kind, what there is of it, and what it is like.
    lists: BTreeMap<&'static str, BTreeMap<String, String>>,
    maker: Option<i32>,
}

impl Kernel {
    /// What there is now. `maker` is the process id of the grader, if there was one.
    pub fn now(maker: Option<i32>) -> Kernel {
        let groups = groups::all(maker).into_iter().map(|(path, it)| (path, format!("{it:?}"))).collect();
        let lists = BTreeMap::from([
            ("device", devices()),
            ("mount", lines("/proc/self/mountinfo")),
            ("group", groups),
            ("hierarchy", hierarchies()),
            ("keys of user", keys()),
            ("message queue", lines_of_ids("/proc/sysvipc/msg")),
            ("semaphore set", lines_of_ids("/proc/sysvipc/sem")),
            ("segment", lines_of_ids("/proc/sysvipc/shm")),
            ("abstract socket", sockets()),
            ("loop device", loop_devices()),
            ("setting", settings()),
            ("temporary file", temporary_files()),
            ("link", network()),
        ]);
        Kernel { lists, maker }
    }

    /// What is not as it was, by kind.
    pub fn differences(&self, now: &Kernel) -> BTreeSet<(&'static str, String)> {
        let mut found = BTreeSet::new();
        for (kind, before) in &self.lists {
            let after = &now.lists[kind];
            found.extend(before.iter().filter_map(|(name, was)| match after.get(name) {
                None if passing(kind) => None,
                None => Some((*kind, format!("{name} is gone"))),
                Some(is) if is != was => Some((*kind, format!("{name}: {is} and not {was}"))),
                Some(_) => None,
            }));
            let new = after.keys().filter(|name| !before.contains_key(*name));
            let new = new.filter(|name| !now.is_anothers(kind, name));
            found.extend(new.map(|name| (*kind, format!("{} is left", shortened(name)))));
        }
        found
    }

    /// Whether a new thing of this kind is another program's.
    fn is_anothers(&self, kind: &str, name: &str) -> bool {
        match kind {
            // The kernel makes these when all that there are are in use, and keeps them (loop(4)).
            "device" => is_loop_device(name),
            "group" => !groups_of(self.maker).any(|prefix| name.contains(&prefix)) && holds_processes(name),
            "hierarchy" => {
                !groups_of(self.maker).any(|prefix| name.contains(&prefix))
                    && name.contains("container-labs-")
            }
            "loop device" => is_held(name),
            // A test beside this one.
            "temporary file" => {
                !groups_of(self.maker).any(|prefix| name.contains(&prefix)) && !is_of_a_decoy(name)
            }
            "abstract socket" => !name.contains("red-"),
            _ => false,
        }
    }
}

/// Things that other programs of the machine have for a while.
fn passing(kind: &str) -> bool {
    ["group", "hierarchy", "keys of user", "message queue", "semaphore set", "segment", "abstract socket"]
        .contains(&kind)
        || ["loop device", "temporary file"].contains(&kind)
}

fn groups_of(maker: Option<i32>) -> impl Iterator<Item = String> {
    maker.into_iter().map(|maker| format!("container-labs-{maker}"))
}

fn shortened(name: &str) -> String {
    match name.char_indices().nth(160) {
        Some((at, _)) => format!("{}... ({} bytes)", &name[..at], name.len()),
        None => name.to_owned(),
    }
}

fn lines(file: &str) -> BTreeMap<String, String> {
    let text = fs::read_to_string(file).unwrap_or_default();
    text.lines().map(|line| (line.to_owned(), String::new())).collect()
}

/// Key and id of each line: the rest is counted anew with each use.
fn lines_of_ids(file: &str) -> BTreeMap<String, String> {
    let text = fs::read_to_string(file).unwrap_or_default();
    let ids = |line: &str| line.split_whitespace().take(2).collect::<Vec<_>>().join(" ");
    text.lines().map(|line| (ids(line), String::new())).collect()
}

/// Names, types, numbers, owners and modes in `/dev`. Terminals are given from hand to hand.
fn devices() -> BTreeMap<String, String> {
    let mut found = BTreeMap::new();
    let mut open = vec![PathBuf::from("/dev")];
    while let Some(directory) = open.pop() {
        for path in entries(&directory) {
            let Ok(it) = path.symlink_metadata() else { continue };
            if it.is_dir()
                && !["/dev/pts", "/dev/shm", "/dev/mqueue"].iter().any(|place| path == Path::new(place))
            {
                open.push(path.clone());
            }
            let like = match it.file_type() {
                kind if kind.is_char_device() || kind.is_block_device() || kind.is_dir() => {
                    format!("{:o} {}:{} {:x}", it.mode(), it.uid(), it.gid(), it.rdev())
                }
                _ => format!("{:o} {} bytes", it.mode(), it.len()),
            };
            found.insert(path.display().to_string(), like);
        }
    }
    found
}

fn is_loop_device(name: &str) -> bool {
    name.strip_prefix("/dev/loop").is_some_and(|number| number.chars().all(|c| c.is_ascii_digit()))
}

/// The hierarchies that there are: a named one is seen by the whole machine.
fn hierarchies() -> BTreeMap<String, String> {
    let text = fs::read_to_string("/proc/self/cgroup").unwrap_or_default();
    let name = |line: &str| line.split(':').nth(1).map(|name| (name.to_owned(), String::new()));
    text.lines().filter_map(name).collect()
}

/// The users that hold keys, of the decoys of this test. Those of people are their own affair.
fn keys() -> BTreeMap<String, String> {
    let ranges = descendants::ranges();
    let text = fs::read_to_string("/proc/key-users").unwrap_or_default();
    let user = |line: &str| {
        let (uid, counts) = line.split_once(':')?;
        let held = counts.split_whitespace().nth(1)?.split('/').next()? != "0";
        let uid: u32 = uid.trim().parse().ok()?;
        (held && ranges.contains(&(uid / 65_536))).then(|| (uid.to_string(), String::new()))
    };
    text.lines().filter_map(user).collect()
}

fn sockets() -> BTreeMap<String, String> {
    let text = fs::read_to_string("/proc/net/unix").unwrap_or_default();
    let name = |line: &str| Some((line.split_once(" @")?.1.to_owned(), String::new()));
    text.lines().filter_map(name).collect()
}

/// Loop devices in use, and the number that no later use has (`diskseq`, Documentation/ABI/stable/sysfs-block).
fn loop_devices() -> BTreeMap<String, String> {
    let disk = |device: PathBuf| {
        let file = fs::read_to_string(device.join("loop/backing_file")).ok()?;
        let sequence = fs::read_to_string(device.join("diskseq")).unwrap_or_default();
        Some((
            format!("{} {} {}", device.file_name()?.to_str()?, sequence.trim(), file.trim()),
            String::new(),
        ))
    };
    entries("/sys/block").into_iter().filter_map(disk).collect()
}

fn settings() -> BTreeMap<String, String> {
    let read = |name: &str| Some((name.to_owned(), fs::read_to_string(format!("/proc/sys/{name}")).ok()?));
    SETTINGS.into_iter().filter_map(read).collect()
}

fn temporary_files() -> BTreeMap<String, String> {
    let places = ["/tmp", "/var/tmp", "/dev/shm", "/run"];
    let all = places.into_iter().flat_map(entries);
    all.map(|path| (path.display().to_string(), String::new())).collect()
}

/// Network links and their state, which a decoy has of its own.
fn network() -> BTreeMap<String, String> {
    let name = |path: PathBuf| Some(path.file_name()?.to_str()?.to_owned());
    let links = entries("/sys/class/net").into_iter().filter_map(name);
    links
        .map(|link| {
            (link.clone(), fs::read_to_string(format!("/sys/class/net/{link}/flags")).unwrap_or_default())
        })
        .collect()
}

/// Whether the file is one that a program in a decoy has made.
fn is_of_a_decoy(path: &str) -> bool {
    let name = Path::new(path).file_name().unwrap_or_default().to_string_lossy();
    name.starts_with("red-") || fs::symlink_metadata(path).is_ok_and(|it| it.uid() >= DECOYS)
}

fn holds_processes(group: &str) -> bool {
    fs::read_to_string(Path::new(group).join("cgroup.procs")).is_ok_and(|text| !text.is_empty())
}

/// Whether a process has the loop device open, or a mount of it.
fn is_held(name: &str) -> bool {
    let device = name.split(' ').next().unwrap_or_default();
    let numbers = fs::read_to_string(format!("/sys/block/{device}/dev")).unwrap_or_default();
    let Some(minor) = numbers.trim().split_once(':').and_then(|(_, minor)| minor.parse::<u64>().ok()) else {
        return false;
    };
    processes().into_iter().any(|pid| {
        entries(format!("/proc/{pid}/fd")).into_iter().any(|fd| {
            fs::metadata(fd).is_ok_and(|it| it.file_type().is_block_device() && it.rdev() == 7 << 8 | minor)
        })
    })
}

fn processes() -> BTreeSet<i32> {
    entries("/proc").into_iter().filter_map(|path| path.file_name()?.to_str()?.parse().ok()).collect()
}

fn entries(directory: impl AsRef<Path>) -> Vec<PathBuf> {
    let Ok(entries) = fs::read_dir(directory) else { return Vec::new() };
    entries.flatten().map(|entry| entry.path()).collect()
}
