//! The files of control groups, and `/proc/<pid>/cgroup` (cgroups(7)).

use crate::proc::control_groups;
use anyhow::{Context, Result};
use nix::unistd::Pid;
use std::fs;
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
