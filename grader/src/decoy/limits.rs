//! What nothing in a decoy may exceed, so that a hostile program harms neither the machine nor the next trial.
//!
//! Resource limits hold for each process that the decoy starts; a control group, where one can be made, holds
//! for all of them together.

use anyhow::{Context, Result};
use nix::sys::resource::{Resource, setrlimit};
use nix::unistd::geteuid;
use std::fs;
use std::path::{Path, PathBuf};

/// Processes in a decoy.
const PROCESSES: u64 = 1024;
/// The largest file, in bytes.
const FILE: u64 = 64 << 20;
/// The memory of a decoy, in bytes.
const MEMORY: u64 = 768 << 20;

/// The resource limits of a program that a decoy starts (setrlimit(2)). Inside a user namespace its processes
/// are counted by themselves (user_namespaces(7)).
pub fn apply(in_user_namespace: bool) -> nix::Result<()> {
    setrlimit(Resource::RLIMIT_CORE, 0, 0)?;
    setrlimit(Resource::RLIMIT_FSIZE, FILE, FILE)?;
    if in_user_namespace {
        setrlimit(Resource::RLIMIT_NPROC, PROCESSES, PROCESSES)?;
    }
    // One process can't take more than the group could.
    setrlimit(Resource::RLIMIT_DATA, MEMORY, MEMORY)
}

/// Control groups of one worker: it joins them, and what it starts inherits them (cgroups(7)).
#[derive(Clone, Debug, Default)]
pub struct Groups {
    /// Their directories, to be removed at the end.
    pub paths: Vec<PathBuf>,
}

impl Groups {
    /// Where groups named `name` would be: below the process's own v1 groups, or at the top of a v2 tree whose
    /// controllers are there. None where no group can be made.
    pub fn plan(name: &str) -> Groups {
        if !geteuid().is_root() {
            return Groups::default();
        }
        let mounts = fs::read_to_string("/proc/self/mountinfo").unwrap_or_default();
        let own = fs::read_to_string("/proc/self/cgroup").unwrap_or_default();
        Groups { paths: plan(&mounts, &own).into_iter().map(|parent| parent.join(name)).collect() }
    }

    /// Whether there is any.
    pub fn any(&self) -> bool {
        self.paths.iter().any(|path| path.is_dir())
    }

    /// Which controllers are missing for limits, in words.
    pub fn lacks_limits(&self) -> Option<String> {
        let has = |file: &str| self.paths.iter().any(|path| path.join(file).exists());
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
        for path in &self.paths {
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
            // Joining a v1 group by `tasks` moves one thread and is quick; v2 has only cgroup.procs.
            let file = if path.join("tasks").exists() { "tasks" } else { "cgroup.procs" };
            fs::write(path.join(file), "0").with_context(|| format!("joining {}", path.display()))?;
        }
        Ok(())
    }
}

/// The directories in which groups with the controllers `memory` and `pids` can be made.
fn plan(mountinfo: &str, own: &str) -> Vec<PathBuf> {
    let mut parents = Vec::new();
    for line in mountinfo.lines() {
        let Some((mount, file_system)) = line.split_once(" - ") else { continue };
        let Some(point) = mount.split(' ').nth(4) else { continue };
        let mut fields = file_system.split(' ');
        match (fields.next(), fields.nth(1)) {
            (Some("cgroup"), Some(options)) => {
                for controller in ["memory", "pids", "cpu"] {
                    if options.split(',').any(|option| option == controller) {
                        parents.push(Path::new(point).join(own_group(own, controller)));
                    }
                }
            }
            (Some("cgroup2"), _) => {
                let given = fs::read_to_string(Path::new(point).join("cgroup.subtree_control"));
                let given = given.unwrap_or_default();
                if ["memory", "pids"].iter().all(|name| given.split_whitespace().any(|have| have == *name)) {
                    parents.push(point.into());
                }
            }
            _ => {}
        }
    }
    parents
}

/// The process's own group in the v1 hierarchy of a controller, without its leading slash.
fn own_group<'a>(own: &'a str, controller: &str) -> &'a str {
    own.lines()
        .filter_map(|line| {
            let mut fields = line.splitn(3, ':').skip(1);
            Some((fields.next()?, fields.next()?))
        })
        .find(|(controllers, _)| controllers.split(',').any(|name| name == controller))
        .map_or("", |(_, path)| path.trim_start_matches('/'))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_v1_group_goes_below_our_own() {
        let mountinfo = "35 31 0:32 / /sys/fs/cgroup/memory rw,relatime - cgroup cgroup rw,memory\n\
                         30 31 0:33 / /sys/fs/cgroup/cpu rw - cgroup cgroup rw,cpu,cpuacct\n";
        let own = "4:memory:/user/session-1\n1:cpu,cpuacct:/\n0::/\n";
        let parents = ["/sys/fs/cgroup/memory/user/session-1", "/sys/fs/cgroup/cpu"];
        assert_eq!(plan(mountinfo, own), parents.map(Path::new));
    }
}
