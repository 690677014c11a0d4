//! The control group that a container is put into, in each hierarchy where the worker has one (cgroups(7)).

use super::observe;
use crate::decoy::cgroupfs::{self, CONTROLLERS, enable_controllers, join};
use crate::decoy::end::GONE;
use crate::decoy::group_tree;
use crate::decoy::groups::{Group, Groups};
use anyhow::{Context, Result};
use attempts::host::GroupFacts;
use nix::unistd::Pid;
use std::cell::OnceCell;
use std::fs;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

/// The groups of one trial. They are removed when it is over.
pub struct ContainerGroup<'a> {
    name: String,
    groups: &'a Groups,
    hierarchy: Option<&'a Path>,
    places: Vec<Group>,
    /// Where the attacker's memory was counted when the host first looked.
    memory: OnceCell<PathBuf>,
}

impl ContainerGroup<'_> {
    /// Makes a group of this name below each of the worker's, and gives it and its parent's list of processes to
    /// `owner`, the decoy's root: it may move its own processes about, and no limit. One more is made at the top of
    /// a named hierarchy, where one is mounted.
    ///
    /// CPU time is theirs to give only where an attempt is about `limits`. Before Linux 6.18 a process without any stops
    /// in the middle of a system call, and if it is about to join a group it holds the lock of all groups of the
    /// machine.
    pub fn make<'a>(
        groups: &'a Groups,
        hierarchy: Option<&'a Path>,
        name: &str,
        owner: u32,
        limits: bool,
    ) -> Result<ContainerGroup<'a>> {
        let mut job = ContainerGroup {
            name: name.into(),
            groups,
            hierarchy,
            places: Vec::new(),
            memory: OnceCell::new(),
        };
        for parent in groups.made().filter(|parent| limits || !parent.is_of_cpu_time()) {
            let delegated = parent.delegated();
            if parent.is_unified() {
                let wanted: Vec<&str> =
                    CONTROLLERS.into_iter().filter(|name| limits || *name != "cpu").collect();
                enable_controllers(&delegated, '+', &wanted)?;
            }
            job.add(&delegated, &parent.controllers)?;
            for place in [&delegated, &delegated.join(name)] {
                cgroupfs::give(place, owner)?;
            }
        }
        if let Some(top) = hierarchy {
            job.add(top, "named")?;
        }
        Ok(job)
    }

    fn add(&mut self, parent: &Path, controllers: &str) -> Result<()> {
        let path = parent.join(&self.name);
        cgroupfs::make(&path).with_context(|| format!("can't make the group {}", path.display()))?;
        self.places.push(Group { path, controllers: controllers.into() });
        Ok(())
    }

    /// Moves a process with one thread into the groups.
    pub fn take(&self, pid: Pid) -> Result<()> {
        self.places.iter().try_for_each(|place| join(&place.path, pid))
    }

    /// What the host sees of the container's groups: this one, those below it, and those that the container made
    /// beside it.
    pub fn look(&self, attacker: Option<Pid>) -> GroupFacts {
        let below: Vec<PathBuf> = self.groups.made().flat_map(Group::below).collect();
        let sum = |file: &str, name: &str| total(&below, |path| field(&path.join(file), name));
        // Whoever was killed is in no group any more.
        let memory = self.memory_of(attacker).or_else(|| self.memory.get().cloned());
        if let Some(group) = &memory {
            let _ = self.memory.set(group.clone());
        }
        let place = attacker.and_then(|pid| self.groups.first()?.place(pid));
        GroupFacts {
            name: self.name.clone(),
            // Whoever ends falls out of its group (proc(5) shows the root for it), and has not left it.
            place: place.filter(|_| attacker.is_some_and(observe::runs)),
            counts_processes: below.iter().any(|path| path.join("pids.current").exists()),
            memory: memory
                .as_ref()
                .and_then(|path| figure(path, &["memory.usage_in_bytes", "memory.current"])),
            peak_memory: memory
                .as_ref()
                .and_then(|path| figure(path, &["memory.max_usage_in_bytes", "memory.peak"])),
            forks_refused: total(&below, forks_refused),
            memory_refused: total(&below, memory_refused),
            oom_kills: sum("memory.oom_control", "oom_kill ").or_else(|| sum("memory.events", "oom_kill ")),
            host_limit: self.host_limit(),
            periods: sum("cpu.stat", "nr_periods "),
            throttled: sum("cpu.stat", "nr_throttled "),
            release_agent: self
                .hierarchy
                .and_then(|top| fs::read_to_string(top.join("release_agent")).ok())
                .map(|text| text.trim_end().to_owned()),
        }
    }

    /// The topmost group of the container's that the attacker is in, where memory is counted: it holds all that
    /// the container has.
    fn memory_of(&self, attacker: Option<Pid>) -> Option<PathBuf> {
        let counts = |group: &&Group| {
            ["memory.limit_in_bytes", "memory.max"].iter().any(|file| group.path.join(file).exists())
        };
        let group = self.groups.made().find(counts)?;
        let place = group.place(attacker?)?;
        let first = place.split('/').next().filter(|name| !name.is_empty())?;
        Some(group.delegated().join(first))
    }

    /// How often the decoy host's own limit of memory was reached: what is killed then was not stopped by the
    /// container.
    fn host_limit(&self) -> u64 {
        let hit = |group: &Group| {
            figure(&group.path, &["memory.failcnt"])
                .or_else(|| field(&group.path.join("memory.events.local"), "oom "))
        };
        self.groups.made().filter_map(hit).sum()
    }
}

/// A figure of all groups that have it; none where none has.
fn total(groups: &[PathBuf], figure: impl Fn(&Path) -> Option<u64>) -> Option<u64> {
    groups.iter().filter_map(|path| figure(path)).fold(None, |sum, it| Some(sum.unwrap_or(0) + it))
}

/// How often a group that is full had no room for a process more. That it is full must be seen, since a v1 hierarchy
/// counts with the process's own group what the limit of one above it has refused (kernel/cgroup/pids.c).
fn forks_refused(path: &Path) -> Option<u64> {
    let (now, most) = (figure(path, &["pids.current"])?, figure(path, &["pids.max"])?);
    field(&path.join("pids.events"), "max ").filter(|_| now >= most)
}

/// How often a group would have gone beyond its limit of memory.
fn memory_refused(path: &Path) -> Option<u64> {
    figure(path, &["memory.failcnt"]).or_else(|| field(&path.join("memory.events"), "max "))
}

/// The first of these files that is there, as a number. A group without a limit of its own says "max".
fn figure(path: &Path, files: &[&str]) -> Option<u64> {
    let text = files.iter().find_map(|file| fs::read_to_string(path.join(file)).ok())?;
    text.trim().parse().ok()
}

/// The number behind a name in a file of lines.
fn field(file: &Path, name: &str) -> Option<u64> {
    number_after(&fs::read_to_string(file).ok()?, name)
}

fn number_after(text: &str, name: &str) -> Option<u64> {
    text.lines().find_map(|line| line.strip_prefix(name)?.trim().parse().ok())
}

impl Drop for ContainerGroup<'_> {
    fn drop(&mut self) {
        // What was in them is dead; the kernel may need a moment to let go.
        let made = self.groups.made();
        let beside = made.flat_map(|group| Group::children(group).into_iter());
        let all: Vec<PathBuf> = self.places.iter().map(|place| place.path.clone()).chain(beside).collect();
        let deadline = Instant::now() + GONE;
        while !all.iter().map(|path| group_tree::remove(path)).fold(true, |gone, it| gone & it.is_ok())
            && Instant::now() < deadline
        {
            std::thread::sleep(Duration::from_millis(1));
        }
        for group in self.groups.made().filter(|group| group.is_unified()) {
            // The program of a trial without a group of its own goes there.
            let _ = enable_controllers(&group.delegated(), '-', &CONTROLLERS);
        }
        if let Some(top) = self.hierarchy {
            let _ = fs::write(top.join("release_agent"), "\n");
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Recorded from Linux 6.18: v1, then v2 as its documentation shows it.
    #[test]
    fn counts_are_read_from_either_kind_of_hierarchy() {
        let v1 = "oom_kill_disable 0\nunder_oom 0\noom_kill 3\n";
        let v2 = "low 0\nhigh 0\nmax 41\noom 2\noom_kill 1\noom_group_kill 0\n";
        assert_eq!(number_after(v1, "oom_kill "), Some(3));
        assert_eq!(number_after(v2, "oom_kill "), Some(1));
        assert_eq!(number_after(v2, "oom "), Some(2));
        let cpu = "usage_usec 9\nnr_periods 8\nnr_throttled 7\nthrottled_usec 6\n";
        assert_eq!(number_after(cpu, "nr_throttled "), Some(7));
        assert_eq!(number_after("populated 1\n", "nr_throttled "), None);
    }

    #[test]
    fn figures_are_read_where_they_are() {
        let directory = tempfile::tempdir().unwrap();
        fs::write(directory.path().join("memory.peak"), "4096\n").unwrap();
        fs::write(directory.path().join("memory.max"), "max\n").unwrap();
        assert_eq!(figure(directory.path(), &["memory.max_usage_in_bytes", "memory.peak"]), Some(4096));
        assert_eq!(figure(directory.path(), &["memory.max"]), None);
        assert_eq!(figure(directory.path(), &["memory.current"]), None);
    }
}
