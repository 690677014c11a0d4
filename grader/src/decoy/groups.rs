//! Control groups of one worker: it joins them, and what it starts inherits them (cgroups(7)).
//!
//! In a v1 hierarchy the worker and the decoy's PID 1 live in the worker's group itself. In v2 a group that enables
//! controllers for those below it holds no process, so there are two:
//!
//! ```text
//! <worker>/host          the worker and the decoy's PID 1: nobody else may move a process in or out of it
//! <worker>/containers    where the decoy's cgroup namespace begins, and the program under test is put
//! ```
//! Nobody in a decoy can move its PID 1, and so throttle or freeze it. In v2 whoever moves a process must be allowed to
//! write to a group above both places, and there is none within reach; in v1 it must have the process's uid, and PID 1
//! keeps one that its user namespace does not map ([`super::pid1`]). Real root may move any process.

mod plan;

use super::cgroupfs::{
    CONTROLLERS, enable_controllers, enable_others, give, has, join, limits_with, make, own_group,
};
use super::limits::{MEMORY, PROCESSES};
use super::quota::{directories, list};
use super::{delegated, group_tree, quota};
use crate::cache_dir::lock;
use crate::proc;
use anyhow::{Context, Result, ensure};
use nix::fcntl::Flock;
use nix::mount::{MsFlags, mount};
use nix::unistd::{Pid, geteuid};
use serde::{Deserialize, Serialize};
use std::collections::BTreeSet;
use std::fs::{self, File};
use std::os::unix::fs::symlink;
use std::path::{Path, PathBuf};
use std::thread::sleep;
use std::time::{Duration, Instant};

/// A group that another grader takes away is gone within this time.
const REMOVED: Duration = Duration::from_secs(5);

/// The v2 group of the decoy host itself, beside the containers'.
const HOST: &str = "host";

/// The v2 group in which a decoy's cgroup namespace begins.
const CONTAINERS: &str = "containers";

/// What the group around the containers is set to in a new v2 tree. Where that is not mounted with `nsdelegate`, who
/// owns these files may write to them from inside of the cgroup namespace (cgroups(7)).
const FREE: [(&str, &str); 7] = [
    ("memory.max", "max"),
    ("memory.high", "max"),
    ("memory.swap.max", "max"),
    ("pids.max", "max"),
    ("cpu.weight", "100"),
    ("cgroup.max.depth", "max"),
    ("cgroup.max.descendants", "max"),
];

/// Control groups of one worker.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub struct Groups {
    /// One a hierarchy.
    pub list: Vec<Group>,
}

/// A group of the worker's in one hierarchy.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Group {
    /// Its directory, to be removed at the end.
    #[serde(with = "crate::path_bytes")]
    pub path: PathBuf,
    /// The hierarchy's controllers, as mount(2) takes them; empty for v2.
    pub controllers: String,
}

impl Groups {
    /// Where groups named `name` would be: below the process's own v1 groups, or at the top of a v2 tree that
    /// enables its controllers; for an ordinary user below a group that was delegated. Empty where no group can be made.
    pub fn plan(name: &str) -> Groups {
        let (mountinfo, own) = (proc::read("self", "mountinfo"), proc::read("self", "cgroup"));
        let enabled =
            |point: &Path| fs::read_to_string(point.join("cgroup.subtree_control")).unwrap_or_default();
        if geteuid().is_root() {
            return Groups { list: plan::groups(name, &mountinfo, &own, enabled) };
        }
        let delegated = delegated::group(&mountinfo, &own).filter(|group| limits_with(&enabled(group)));
        let group = |path: PathBuf| Group { path: path.join(name), controllers: String::new() };
        Groups { list: delegated.map(group).into_iter().collect() }
    }

    /// Those that were made.
    pub fn made(&self) -> impl Iterator<Item = &Group> {
        self.list.iter().filter(|group| group.path.is_dir())
    }

    /// Whether any was.
    pub fn any(&self) -> bool {
        self.made().next().is_some()
    }

    /// The one in which an attacker tries to leave its own: that of the pids controller, else the first.
    pub fn first(&self) -> Option<&Group> {
        self.made().find(|group| group.path.join("pids.max").exists()).or_else(|| self.made().next())
    }

    /// Whether one of them limits memory.
    pub fn limit_memory(&self) -> bool {
        let limits = |group: &Group| {
            ["memory.limit_in_bytes", "memory.max"].iter().any(|file| group.path.join(file).exists())
        };
        self.made().any(limits)
    }

    /// Which controllers are missing for limits, in words.
    pub fn lacks_limits(&self) -> Option<String> {
        let has = |file: &str| self.list.iter().any(|group| group.path.join(file).exists());
        let there = [
            ("memory", has("memory.limit_in_bytes") || has("memory.max")),
            ("pids", has("pids.max")),
            ("cpu", has("cpu.cfs_quota_us") || has("cpu.max")),
        ];
        let missing: Vec<_> = there.iter().filter(|(_, there)| !there).map(|(name, _)| *name).collect();
        (!missing.is_empty()).then(|| format!("no control group with the controllers {}", missing.join(", ")))
    }

    /// Makes and limits the groups, and joins them with the calling process.
    ///
    /// # Returns
    /// A lock on each: as long as it is held, whoever removes what dead graders have left passes the group over.
    pub fn join(&self) -> Result<Vec<Flock<File>>> {
        let mut locks = Vec::new();
        for group in &self.list {
            let path = &group.path;
            // A machine may give us the tree without the right to write to it.
            let Ok(lock) = make_locked(path) else { continue };
            locks.push(lock);
            for (file, value) in [
                ("memory.limit_in_bytes", MEMORY),
                ("memory.max", MEMORY),
                ("memory.swap.max", 0),
                ("pids.max", PROCESSES),
            ] {
                if path.join(file).exists() {
                    let _ = fs::write(path.join(file), value.to_string());
                }
            }
            if group.is_unified() {
                for name in [HOST, CONTAINERS] {
                    fs::create_dir(path.join(name)).with_context(|| format!("the group {name}"))?;
                }
                enable_controllers(path, '+', &CONTROLLERS)?;
                enable_others(path);
                join(&path.join(HOST), Pid::this())?;
            } else if let Err(error) = join(path, Pid::this()) {
                // Only those that limit something are needed.
                ensure!(!group.limits(), error);
                let _ = fs::remove_dir(path);
            }
        }
        Ok(locks)
    }

    /// Goes where the cgroup namespace of a decoy is to begin. [`Groups::settle`] follows.
    ///
    /// What programs of earlier decoys have left there goes first. An ordinary user's decoys all have one id, so a
    /// program may have made groups, a threaded one even, and have enabled controllers: nobody could join then, or
    /// enable the controllers for the next container.
    pub fn gather(&self) -> Result<()> {
        for group in self.made() {
            group.clear();
            if group.is_unified() {
                join(&group.delegated(), Pid::this())?;
            }
        }
        Ok(())
    }

    /// Puts the calling process and a decoy's PID 1 where they stay.
    pub fn settle(&self, pid1: Pid) -> Result<()> {
        for group in self.made().filter(|group| group.is_unified()) {
            let host = group.path.join(HOST);
            join(&host, Pid::this())?;
            if pid1 != Pid::this() {
                join(&host, pid1)?;
            }
        }
        Ok(())
    }

    /// Puts a program that a decoy's PID 1 has started where programs are, if it is to have no group of its own.
    pub fn admit(&self, program: Pid) -> Result<()> {
        self.made().filter(|group| group.is_unified()).try_for_each(|group| join(&group.delegated(), program))
    }

    /// Lifts every quota of CPU time, and thaws, in these groups and all below them: see [`group_tree`].
    ///
    /// Before Linux 6.18 a process without CPU time stops in the middle of a system call, with the locks that it holds.
    /// One that joins a group holds that of all groups: mkdir(2) waits then, whoever lists its directory waits for
    /// that, and to thaw a group takes the lock as well. So quotas go first, and in one directory before any in it is
    /// listed.
    pub fn release(&self) {
        for group in &self.list {
            group_tree::release(&group.path);
        }
    }

    /// Sends SIGKILL to all in them who `is_meant`.
    pub fn kill(&self, is_meant: impl Fn(Pid) -> bool + Copy) {
        self.list.iter().for_each(|group| group_tree::kill(&group.path, is_meant));
    }

    /// Mounts the hierarchies below `top`, as a machine has them, in a decoy's cgroup namespace. A kernel that
    /// does not allow it leaves a host without.
    pub fn show(&self, top: &Path) {
        let flags = MsFlags::MS_NOSUID | MsFlags::MS_NODEV | MsFlags::MS_NOEXEC;
        let made: Vec<&Group> = self.made().collect();
        if made.iter().any(|group| group.is_unified()) {
            let _ = mount(Some("cgroup2"), top, Some("cgroup2"), flags, None::<&str>);
        } else if !made.is_empty()
            && mount(Some("tmpfs"), top, Some("tmpfs"), flags, Some("mode=755,size=64k")).is_ok()
        {
            for group in made {
                let at = top.join(&group.controllers);
                let options = Some(group.controllers.as_str());
                let _ = fs::create_dir(&at);
                let _ = mount(Some("cgroup"), &at, Some("cgroup"), flags, options);
                for name in group.controllers.split(',').filter(|name| *name != group.controllers) {
                    let _ = symlink(&group.controllers, top.join(name));
                }
            }
            // Most machines have these two in one hierarchy, and the name of the one that has the limits is then both.
            if top.join("cpu").is_dir() {
                let _ = symlink("cpu", top.join("cpu,cpuacct"));
            }
        }
    }

    /// Gives the groups in which containers have theirs to `owner`, a decoy's root, as a host's are its root's.
    pub fn give(&self, owner: u32) -> Result<()> {
        self.made().try_for_each(|group| give(&group.delegated(), owner))
    }

    /// The containers' groups that are there, each as `controllers:/path`.
    pub fn left(&self) -> BTreeSet<String> {
        let mut found = BTreeSet::new();
        for group in self.made() {
            let top = group.delegated();
            let name = |path: &Path| path.strip_prefix(&top).unwrap_or(path).display().to_string();
            found.extend(
                group.children().iter().map(|child| format!("{}:/{}", group.controllers, name(child))),
            );
        }
        found
    }
}

impl Group {
    /// Whether it is in the v2 tree.
    pub fn is_unified(&self) -> bool {
        self.controllers.is_empty()
    }

    /// Whether a decoy's limits are set in it.
    fn limits(&self) -> bool {
        CONTROLLERS.iter().any(|name| has(&self.controllers, name))
    }

    /// The type of its file system.
    pub fn kind(&self) -> &'static str {
        if self.is_unified() { "cgroup2" } else { "cgroup" }
    }

    /// Whether this v1 hierarchy gives CPU time away.
    pub fn is_of_cpu_time(&self) -> bool {
        has(&self.controllers, "cpu")
    }

    /// The group below which containers have theirs.
    pub fn delegated(&self) -> PathBuf {
        if self.is_unified() { self.path.join(CONTAINERS) } else { self.path.clone() }
    }

    /// The topmost of the containers' groups.
    pub fn children(&self) -> Vec<PathBuf> {
        directories(&self.delegated())
    }

    /// The containers' groups, those whose paths are too long apart.
    pub fn below(&self) -> Vec<PathBuf> {
        let mut found = Vec::new();
        list(&self.delegated(), quota::LEAST, &mut found);
        found
    }

    /// The group of a process in this hierarchy, from [`Group::delegated`]: `word` for the group `word` below it. None
    /// where it is not known.
    pub fn place(&self, pid: Pid) -> Option<String> {
        let own = own_group(&proc::read("self", "cgroup"), &self.controllers)?;
        let top = if self.is_unified() { own.strip_suffix(HOST)?.to_owned() + CONTAINERS } else { own };
        let theirs = own_group(&proc::read(pid, "cgroup"), &self.controllers)?;
        Some(relative(&top, &theirs))
    }

    /// Removes the containers' groups, and what a program may have set in the group around them. No program is in
    /// them any more.
    fn clear(&self) {
        for child in self.children() {
            let _ = group_tree::remove(&child);
        }
        if self.is_unified() {
            let delegated = self.delegated();
            // All of them: a program may have enabled one that we do not use.
            let enabled = fs::read_to_string(delegated.join("cgroup.subtree_control")).unwrap_or_default();
            let words: Vec<String> = enabled.split_whitespace().map(|name| format!("-{name}")).collect();
            for (file, value) in
                FREE.into_iter().chain([("cgroup.subtree_control", words.join(" ").as_str())])
            {
                // Only what is there: a directory of this kind has no other files.
                if delegated.join(file).exists() {
                    let _ = fs::write(delegated.join(file), value);
                }
            }
        }
    }
}

/// Makes a group and locks it.
fn make_locked(path: &Path) -> Result<Flock<File>> {
    make(path)?;
    lock_made(path)
}

/// Locks a group that was just made. Another grader may have taken it for a dead one's and locked it: that removes it by its
/// name, and so a new one is made only when the old one is gone, or it would be that one that is removed.
fn lock_made(path: &Path) -> Result<Flock<File>> {
    let patience = Instant::now() + REMOVED;
    loop {
        if let Some(lock) = lock(path)? {
            return Ok(lock);
        }
        ensure!(Instant::now() < patience, "another grader has the group {}", path.display());
        if !path.exists() {
            make(path)?;
        }
        sleep(Duration::from_millis(1));
    }
}

/// A group's path from another group: the whole path where it is not below that.
fn relative(top: &str, path: &str) -> String {
    let below = path.strip_prefix(top.trim_end_matches('/'));
    let below = below.filter(|rest| rest.is_empty() || rest.starts_with('/'));
    below.map_or(path, |rest| rest.trim_start_matches('/')).to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A plain directory tree serves.
    #[test]
    fn a_decoy_finds_nothing_of_an_earlier_one() {
        let place = tempfile::tempdir().unwrap();
        let group = Group { path: place.path().into(), controllers: String::new() };
        let containers = group.delegated();
        fs::create_dir_all(containers.join("theirs/below")).unwrap();
        fs::write(containers.join("pids.max"), "1").unwrap();
        fs::write(containers.join("cgroup.subtree_control"), "memory rdma\n").unwrap();
        group.clear();
        assert!(group.children().is_empty());
        let read = |file: &str| fs::read_to_string(containers.join(file)).ok();
        assert_eq!(read("pids.max").as_deref(), Some("max"));
        assert_eq!(read("cgroup.subtree_control").as_deref(), Some("-memory -rdma"));
        assert_eq!(read("cpu.weight"), None);
    }

    #[test]
    fn a_group_that_another_grader_removes_is_made_again_and_stays() {
        let place = tempfile::tempdir().unwrap();
        let path = place.path().join("group");
        make(&path).unwrap();
        let others = lock(&path).unwrap().unwrap();
        let remover = std::thread::spawn({
            let path = path.clone();
            move || {
                sleep(Duration::from_millis(20));
                fs::remove_dir(&path).unwrap();
                drop(others);
            }
        });
        let made = lock_made(&path).unwrap();
        remover.join().unwrap();
        assert!(path.exists());
        drop(made);
    }

    #[test]
    fn a_place_is_told_from_the_workers_group() {
        assert_eq!(relative("/w", "/w/job"), "job");
        assert_eq!(relative("/w", "/w"), "");
        assert_eq!(relative("/w", "/w2/job"), "/w2/job");
        assert_eq!(relative("/", "/job"), "job");
        assert_eq!(relative("/w", "/"), "/");
    }
}
