//! What a grader could leave behind on this machine, and that it did not.
//!
//! Tests run beside each other, and beside other programs. So everything here is looked for by something that
//! only the grader in question can have made: a word in the command line, which its workers and the PID 1 of
//! each decoy keep, since they are forked and execute nothing (with PID 1 everything in its PID namespace ends);
//! a temporary directory of its own; its process id in a control group's name. Only a loop device tells nobody
//! whose it is: there we ask whether any living process holds it.

use super::stage::{PATIENCE, Stage};
use nix::unistd::geteuid;
use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};
use std::thread;
use std::time::{Duration, Instant};

/// What the machine looked like before a grader ran.
pub struct Machine {
    mounts: BTreeSet<String>,
    disks: BTreeSet<String>,
    groups: Vec<(PathBuf, i32)>,
}

impl Machine {
    /// What it looks like now.
    pub fn now() -> Machine {
        Machine { mounts: mounts(), disks: disks(), groups: groups() }
    }

    /// Panics unless it is as it was. The graders of this stage have ended: nothing of theirs gets any time.
    #[track_caller]
    pub fn assert_unchanged(&self, stage: &Stage) {
        let left = own(stage);
        assert!(left.is_empty(), "left behind: {left:#?}");
        self.assert_nothing_nameless();
    }

    /// The same, of a grader that was killed: what it left is on its way out.
    #[track_caller]
    pub fn assert_unchanged_soon(&self, stage: &Stage) {
        wait_until("nothing is left", || own(stage).is_empty());
        self.assert_nothing_nameless();
    }

    /// What nobody's name stands on may be another program's, and then goes with that.
    #[track_caller]
    fn assert_nothing_nameless(&self) {
        wait_until("the mounts are as before", || mounts() == self.mounts);
        wait_until("no loop device is left that nobody holds", || {
            // An ordinary user makes none, and can't see that another person's grader holds one.
            if !geteuid().is_root() {
                return true;
            }
            let held = held_disks();
            disks()
                .difference(&self.disks)
                .all(|disk| held.iter().any(|held| disk.starts_with(held.as_str())))
        });
        wait_until("no group of a dead grader is left", || {
            groups().iter().all(|group| is_alive(group.1) || self.groups.contains(group))
        });
    }
}

/// What belongs to the graders of this stage, now: one line a thing.
pub fn own(stage: &Stage) -> BTreeSet<String> {
    let mut found = BTreeSet::new();
    let graders = family(stage.word());
    for pid in &graders {
        found.insert(format!("process {pid}"));
        found.extend(disks_of(*pid).iter().map(|disk| format!("disk {disk}")));
    }
    for (path, maker) in groups() {
        if graders.contains(&maker) {
            found.insert(format!("group {}", path.display()));
        }
    }
    for path in entries(stage.path("tmp")) {
        found.insert(format!("file {}", path.display()));
    }
    found
}

/// Those of these things that are there no longer are taken out.
pub fn still_there(things: &BTreeSet<String>) -> BTreeSet<String> {
    let is_there = |thing: &&String| match thing.split_once(' ') {
        Some(("process", pid)) => is_alive(pid.parse().unwrap()),
        Some(("disk", disk)) => disks().iter().any(|found| found == disk),
        Some((_, path)) => Path::new(path).exists(),
        None => false,
    };
    things.iter().filter(is_there).cloned().collect()
}

/// The processes that have `word` in their command line.
pub fn processes_with(word: &str) -> Vec<i32> {
    let has_word = |pid: &i32| {
        fs::read(format!("/proc/{pid}/cmdline"))
            .is_ok_and(|line| line.windows(word.len()).any(|part| part == word.as_bytes()))
    };
    processes().into_iter().filter(has_word).collect()
}

/// The processes that have `word` in their command line, and all that descend from them: those that a program under
/// test may see have nothing of the caller's, the word neither.
pub fn family(word: &str) -> Vec<i32> {
    let mut family = processes_with(word);
    let parents: Vec<(i32, i32)> = processes()
        .into_iter()
        .filter_map(|pid| Some((pid, field_after_name(pid, 1)?.parse().ok()?)))
        .collect();
    let mut at = 0;
    while let Some(parent) = family.get(at).copied() {
        let children = parents.iter().filter(|(pid, of)| *of == parent && !family.contains(pid));
        let children: Vec<i32> = children.map(|(pid, _)| *pid).collect();
        family.extend(children);
        at += 1;
    }
    family
}

/// A field of `/proc/<pid>/stat`, counted from 0 behind the name (proc_pid_stat(5)).
fn field_after_name(pid: i32, number: usize) -> Option<String> {
    let stat = fs::read_to_string(format!("/proc/{pid}/stat")).ok()?;
    stat.rsplit_once(") ")?.1.split(' ').nth(number).map(str::to_owned)
}

/// Waits for what can only be asked for again and again.
#[track_caller]
pub fn wait_until(what: &str, mut happened: impl FnMut() -> bool) {
    let begin = Instant::now();
    let mut interval = Duration::from_millis(1);
    while !happened() {
        assert!(begin.elapsed() < PATIENCE, "it did not come to this: {what}");
        // To ask costs time, of which a test beside this one has more need the longer it takes.
        thread::sleep(interval);
        interval = (interval * 5 / 4).min(Duration::from_millis(50));
    }
}

/// The mount table of the test's own namespace.
pub fn mounts() -> BTreeSet<String> {
    fs::read_to_string("/proc/self/mountinfo").unwrap().lines().map(str::to_owned).collect()
}

/// Whether a root's grader can have a loop device here.
pub fn has_loop_devices() -> bool {
    fs::OpenOptions::new().read(true).write(true).open("/dev/loop-control").is_ok()
}

/// The loop devices over a decoy's memory: name, and a number that no later use of that device has
/// (`diskseq`, Documentation/ABI/stable/sysfs-block).
fn disks() -> BTreeSet<String> {
    let disk = |device: PathBuf| {
        let file = fs::read_to_string(device.join("loop/backing_file")).ok()?;
        let sequence = fs::read_to_string(device.join("diskseq")).unwrap_or_default();
        let name = device.file_name()?.to_str()?.to_owned();
        file.contains("decoy-disk").then(|| format!("{name} {}", sequence.trim()))
    };
    entries("/sys/block").into_iter().filter_map(disk).collect()
}

/// The decoy disks that a process holds open. Their nodes had a name that tells the number.
fn disks_of(pid: i32) -> Vec<String> {
    let number = |link: PathBuf| {
        let target = fs::read_link(link).ok()?;
        let name = target.file_name()?.to_str()?.strip_prefix("node-7-")?;
        Some(format!("loop{} ", name.split(' ').next()?))
    };
    let held: Vec<String> = entries(format!("/proc/{pid}/fd")).into_iter().filter_map(number).collect();
    disks().into_iter().filter(|disk| held.iter().any(|held| disk.starts_with(held.as_str()))).collect()
}

fn held_disks() -> Vec<String> {
    processes().into_iter().flat_map(disks_of).collect()
}

/// The control groups that graders have made, and the process id of the maker, which is in their name.
fn groups() -> Vec<(PathBuf, i32)> {
    let mut found = Vec::new();
    let mut open = vec![PathBuf::from("/sys/fs/cgroup")];
    while let Some(directory) = open.pop() {
        for path in entries(directory) {
            if path.symlink_metadata().is_ok_and(|it| it.is_dir()) {
                let maker = path.file_name().and_then(|name| {
                    name.to_str()?.strip_prefix("container-labs-")?.split('-').next()?.parse().ok()
                });
                found.extend(maker.map(|maker| (path.clone(), maker)));
                open.push(path);
            }
        }
    }
    found
}

/// Whether there is such a process. One that has ended and waits for its parent to ask is none.
fn is_alive(pid: i32) -> bool {
    field_after_name(pid, 0).is_some_and(|state| state != "Z" && state != "X")
}

fn processes() -> Vec<i32> {
    let number = |path: PathBuf| path.file_name()?.to_str()?.parse().ok();
    entries("/proc").into_iter().filter_map(number).collect()
}

fn entries(directory: impl AsRef<Path>) -> Vec<PathBuf> {
    let Ok(entries) = fs::read_dir(directory) else { return Vec::new() };
    entries.flatten().map(|entry| entry.path()).collect()
}
