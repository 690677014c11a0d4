//! Control groups of one worker: it joins them, and what it starts inherits them (cgroups(7)).
//!
//! In a v1 hierarchy the worker lives in its group itself. A v2 group that gives controllers on holds no process:
//! there the worker lives in [`HOST`] below it, and moves up for the moment in which a decoy's cgroup namespace is
//! made, so that the namespace begins at the worker's group in v2 too.

use super::limits::{MEMORY, PROCESSES};
use anyhow::{Context, Result};
use nix::mount::{MsFlags, mount};
use nix::unistd::{Pid, geteuid};
use std::fs;
use std::io;
use std::path::{Path, PathBuf};

/// The v2 group of the decoy host itself, beside the container's.
const HOST: &str = "host";

/// The controllers that limits are made of.
const CONTROLLERS: [&str; 3] = ["memory", "pids", "cpu"];

/// Control groups of one worker.
#[derive(Clone, Debug, Default)]
pub struct Groups {
    /// One a hierarchy.
    pub list: Vec<Group>,
}

/// A group of the worker's in one hierarchy.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Group {
    /// Its directory, to be removed at the end.
    pub path: PathBuf,
    /// The hierarchy's controllers, as mount(2) takes them; empty for v2.
    pub controllers: String,
}

impl Groups {
    /// Where groups named `name` would be: below the process's own v1 groups, or at the top of a v2 tree that
    /// gives its controllers on. Empty where no group can be made.
    pub fn plan(name: &str) -> Groups {
        if !geteuid().is_root() {
            return Groups::default();
        }
        let read = |path: &str| fs::read_to_string(path).unwrap_or_default();
        let gives_on = |point: &Path| read(&point.join("cgroup.subtree_control").to_string_lossy());
        Groups { list: plan(name, &read("/proc/self/mountinfo"), &read("/proc/self/cgroup"), gives_on) }
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
    pub fn join(&self) -> Result<()> {
        for group in &self.list {
            let path = &group.path;
            // A machine may give us the tree without the right to write to it.
            if fs::create_dir(path).is_err() {
                continue;
            }
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
                fs::create_dir(path.join(HOST)).context("a group of the decoy host's own")?;
                group.settle(Pid::this())?;
            } else {
                group.take(Pid::this())?;
            }
        }
        Ok(())
    }

    /// Goes where the cgroup namespace of a decoy is to begin. [`Groups::settle`] follows.
    pub fn gather(&self) -> Result<()> {
        for group in self.made().filter(|group| group.is_unified()) {
            group.give_on('-')?;
            group.take(Pid::this())?;
        }
        Ok(())
    }

    /// Puts the calling process and a decoy's PID 1 where they stay.
    pub fn settle(&self, pid1: Pid) -> Result<()> {
        for group in self.made().filter(|group| group.is_unified()) {
            group.settle(pid1)?;
        }
        Ok(())
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
            }
        }
    }
}

impl Group {
    /// Whether it is in the v2 tree.
    pub fn is_unified(&self) -> bool {
        self.controllers.is_empty()
    }

    /// The type of its file system.
    pub fn kind(&self) -> &'static str {
        if self.is_unified() { "cgroup2" } else { "cgroup" }
    }

    /// The groups below it that are no part of the decoy host: the container's.
    pub fn below(&self) -> Vec<PathBuf> {
        let mut found = Vec::new();
        list(&self.path, &mut found);
        found.retain(|path| !(self.is_unified() && *path == self.path.join(HOST)));
        found
    }

    /// The group of a process in this hierarchy, from here: `word` for the group `word` below this one. None
    /// where it is not known.
    pub fn place(&self, pid: Pid) -> Option<String> {
        let read = |pid: &str| fs::read_to_string(format!("/proc/{pid}/cgroup")).ok();
        let own = own_group(&read("self")?, &self.controllers)?;
        let top = if self.is_unified() { own.strip_suffix(HOST)?.trim_end_matches('/') } else { &own };
        let theirs = own_group(&read(&pid.to_string())?, &self.controllers)?;
        Some(relative(top, &theirs))
    }

    fn settle(&self, pid: Pid) -> Result<()> {
        let host = Group { path: self.path.join(HOST), controllers: String::new() };
        host.take(Pid::this())?;
        if pid != Pid::this() {
            host.take(pid)?;
        }
        self.give_on('+')
    }

    /// Moves a process with one thread into it. Joining a v1 group by `tasks` moves one thread and is quick; v2
    /// has only cgroup.procs.
    pub fn take(&self, pid: Pid) -> Result<()> {
        let file = if self.path.join("tasks").exists() { "tasks" } else { "cgroup.procs" };
        fs::write(self.path.join(file), pid.to_string())
            .with_context(|| format!("joining {}", self.path.display()))
    }

    /// Gives controllers on to the groups below (`+`), or no longer (`-`).
    fn give_on(&self, sign: char) -> Result<()> {
        let there = fs::read_to_string(self.path.join("cgroup.controllers")).unwrap_or_default();
        let wanted = CONTROLLERS.iter().filter(|name| there.split_whitespace().any(|it| it == **name));
        let words: Vec<String> = wanted.map(|name| format!("{sign}{name}")).collect();
        fs::write(self.path.join("cgroup.subtree_control"), words.join(" "))
            .with_context(|| format!("cgroup.subtree_control of {}", self.path.display()))
    }
}

/// Removes a group and those below it. Their files go with them.
///
/// # Errors
/// A process is in one of them, or the kernel has not let go of it yet.
pub fn remove(path: &Path) -> io::Result<()> {
    let mut all = Vec::new();
    list(path, &mut all);
    all.push(path.to_owned());
    all.iter().try_for_each(|path| match fs::remove_dir(path) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(()),
        other => other,
    })
}

/// The groups below one, the innermost first.
fn list(path: &Path, found: &mut Vec<PathBuf>) {
    for entry in fs::read_dir(path).into_iter().flatten().flatten() {
        if entry.file_type().is_ok_and(|kind| kind.is_dir()) {
            list(&entry.path(), found);
            found.push(entry.path());
        }
    }
}

/// The groups in which the controllers `memory`, `pids` and `cpu` hold. `gives_on` reads which ones a v2 tree
/// gives to the groups at its top.
fn plan(name: &str, mountinfo: &str, own: &str, gives_on: impl Fn(&Path) -> String) -> Vec<Group> {
    let mut groups: Vec<Group> = Vec::new();
    for line in mountinfo.lines() {
        let Some((mount, file_system)) = line.split_once(" - ") else { continue };
        let Some(point) = mount.split(' ').nth(4) else { continue };
        let mut fields = file_system.split(' ');
        let (path, controllers) = match (fields.next(), fields.nth(1)) {
            (Some("cgroup"), Some(options)) => {
                let Some(wanted) =
                    options.split(',').find(|option| CONTROLLERS.contains(option)).map(str::to_owned)
                else {
                    continue;
                };
                let Some((controllers, path)) = lines(own).find(|(names, _)| has(names, &wanted)) else {
                    continue;
                };
                (Path::new(point).join(path.trim_start_matches('/')), controllers.to_owned())
            }
            (Some("cgroup2"), _) => {
                let given = gives_on(Path::new(point));
                if !["memory", "pids"].iter().all(|name| given.split_whitespace().any(|it| it == *name)) {
                    continue;
                }
                (point.into(), String::new())
            }
            _ => continue,
        };
        // A hierarchy may be mounted twice.
        if groups.iter().all(|group| group.controllers != controllers) {
            groups.push(Group { path: path.join(name), controllers });
        }
    }
    groups
}

/// The lines of `/proc/<pid>/cgroup`: the controllers, and the group.
fn lines(text: &str) -> impl Iterator<Item = (&str, &str)> {
    text.lines().filter_map(|line| line.split_once(':')?.1.split_once(':'))
}

fn has(names: &str, wanted: &str) -> bool {
    names.split(',').any(|name| name == wanted)
}

/// A process's group in one hierarchy.
fn own_group(text: &str, controllers: &str) -> Option<String> {
    lines(text).find(|(names, _)| *names == controllers).map(|(_, path)| path.to_owned())
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

    fn planned(mountinfo: &str, own: &str, given: &str) -> Vec<(String, String)> {
        let groups = plan("w", mountinfo, own, |_| given.to_owned());
        groups.into_iter().map(|it| (it.path.display().to_string(), it.controllers)).collect()
    }

    /// A machine with every controller in v1, and one where several share a hierarchy.
    #[test]
    fn a_v1_group_goes_below_our_own() {
        let mountinfo = "35 31 0:32 / /sys/fs/cgroup/memory rw,relatime - cgroup cgroup rw,memory\n\
                         30 31 0:33 / /sys/fs/cgroup/cpu,cpuacct rw - cgroup cgroup rw,cpu,cpuacct\n\
                         36 31 0:37 / /sys/fs/cgroup/systemd rw - cgroup cgroup rw,xattr,name=systemd\n\
                         37 31 0:37 / /sys/fs/cgroup/freezer rw - cgroup cgroup rw,freezer\n\
                         38 31 0:38 / /sys/fs/cgroup/unified rw - cgroup2 cgroup2 rw\n\
                         39 31 0:32 / /mnt rw,relatime - cgroup cgroup rw,memory\n";
        let own = "4:memory:/user/session-1\n2:freezer:/\n1:cpu,cpuacct:/\n0::/\n";
        let memory = ("/sys/fs/cgroup/memory/user/session-1/w".into(), "memory".into());
        let cpu = ("/sys/fs/cgroup/cpu,cpuacct/w".into(), "cpu,cpuacct".into());
        assert_eq!(planned(mountinfo, own, ""), [memory, cpu]);
    }

    /// As Debian 12 and Fedora 40 have it.
    #[test]
    fn a_v2_group_goes_to_the_top_of_a_tree_that_gives_its_controllers_on() {
        let mountinfo = "25 22 0:22 / /sys/fs/cgroup rw,nosuid,nodev,noexec,relatime shared:4 - cgroup2 \
                         cgroup2 rw,nsdelegate,memory_recursiveprot\n";
        let own = "0::/user.slice/user-0.slice/session-1.scope\n";
        let expected = [("/sys/fs/cgroup/w".to_owned(), String::new())];
        assert_eq!(planned(mountinfo, own, "cpuset cpu io memory pids\n"), expected);
        assert_eq!(planned(mountinfo, own, "cpu memory\n"), []);
        assert_eq!(planned(mountinfo, own, ""), []);
    }

    #[test]
    fn a_group_is_read_from_its_hierarchys_line() {
        let text = "9:name=systemd:/s\n8:pids:/w/job\n2:cpu,cpuacct:/c:d\n0::/w/host\n";
        assert_eq!(own_group(text, "pids").as_deref(), Some("/w/job"));
        assert_eq!(own_group(text, "cpu,cpuacct").as_deref(), Some("/c:d"));
        assert_eq!(own_group(text, "name=systemd").as_deref(), Some("/s"));
        assert_eq!(own_group(text, "").as_deref(), Some("/w/host"));
        assert_eq!(own_group(text, "memory"), None);
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
