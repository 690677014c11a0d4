//! The files of control groups, and `/proc/<pid>/cgroup` (cgroups(7)).

use crate::proc::control_groups;
use anyhow::{Context, Result};
use nix::unistd::{Pid, chown};
use std::fs;
use std::io;
use std::path::Path;

/// The controllers that limits are made of.
pub const CONTROLLERS: [&str; 3] = ["memory", "pids", "cpu"];

/// Enables those of these controllers that a v2 group has for the groups below it (`+`), or no longer (`-`).
pub fn enable_controllers(group: &Path, sign: char, controllers: &[&str]) -> Result<()> {
    let there = fs::read_to_string(group.join("cgroup.controllers")).unwrap_or_default();
    let wanted = controllers.iter().filter(|name| there.split_whitespace().any(|it| it == **name));
    let words: Vec<String> = wanted.map(|name| format!("{sign}{name}")).collect();
    fs::write(group.join("cgroup.subtree_control"), words.join(" "))
        .with_context(|| format!("cgroup.subtree_control of {}", group.display()))
}

/// The same for all others that it has. The machine may not let go of one.
pub fn enable_others(group: &Path) {
    let there = fs::read_to_string(group.join("cgroup.controllers")).unwrap_or_default();
    let others = there.split_whitespace().filter(|name| !CONTROLLERS.contains(name));
    others.for_each(|name| drop(fs::write(group.join("cgroup.subtree_control"), format!("+{name}"))));
}

/// Makes a group. A new one of the cpuset controller has no processors and no memory, and nobody could join it
/// (cpuset(7)): it gets those of the group around it.
pub fn make(group: &Path) -> io::Result<()> {
    fs::create_dir(group)?;
    for file in ["cpuset.cpus", "cpuset.mems"] {
        let around = group.parent().map(|parent| fs::read(parent.join(file)));
        // In v2 an empty one means the same.
        if let Some(Ok(around)) = around.filter(|_| group.join("tasks").exists()) {
            fs::write(group.join(file), around)?;
        }
    }
    Ok(())
}

/// Gives a group to somebody: its directory, and the lists of those who are in it. Limits stay whose they are.
pub fn give(group: &Path, owner: u32) -> Result<()> {
    for file in ["", "cgroup.procs", "tasks", "cgroup.threads"] {
        let file = group.join(file);
        if file.exists() {
            chown(&file, Some(owner.into()), Some(owner.into()))?;
        }
    }
    Ok(())
}

/// Moves a process with one thread into a group. Joining a v1 group by `tasks` moves one thread and is quick; v2 has
/// only cgroup.procs.
pub fn join(group: &Path, pid: Pid) -> Result<()> {
    let file = if group.join("tasks").exists() { "tasks" } else { "cgroup.procs" };
    fs::write(group.join(file), pid.to_string()).with_context(|| format!("joining {}", group.display()))
}

/// Whether these controllers suffice for the limits of a decoy.
pub fn limits_with(controllers: &str) -> bool {
    ["memory", "pids"].iter().all(|name| controllers.split_whitespace().any(|it| it == *name))
}

/// Whether `wanted` is one of these controllers, as `/proc/<pid>/cgroup` lists them.
pub fn has(names: &str, wanted: &str) -> bool {
    names.split(',').any(|name| name == wanted)
}

/// A process's group in one hierarchy.
pub fn own_group(text: &str, controllers: &str) -> Option<String> {
    control_groups(text).find(|(names, _)| *names == controllers).map(|(_, path)| path.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_group_is_read_from_its_hierarchys_line() {
        let text = "9:name=systemd:/s\n8:pids:/w/job\n2:cpu,cpuacct:/c:d\n0::/w/host\n";
        assert_eq!(own_group(text, "pids").as_deref(), Some("/w/job"));
        assert_eq!(own_group(text, "cpu,cpuacct").as_deref(), Some("/c:d"));
        assert_eq!(own_group(text, "name=systemd").as_deref(), Some("/s"));
        assert_eq!(own_group(text, "").as_deref(), Some("/w/host"));
        assert_eq!(own_group(text, "memory"), None);
    }
}
