//! What a container has that must stay as it is when another one, from the same directory, ends: its limits and its mounts.

use super::super::observe;
use crate::decoy::groups::Groups;
use crate::proc;
use nix::unistd::Pid;
use std::collections::BTreeMap;
use std::fs;

/// The files of a control group in which limits stand, v1 and v2.
const LIMITS: [&str; 16] = [
    "memory.limit_in_bytes",
    "memory.memsw.limit_in_bytes",
    "memory.max",
    "memory.high",
    "memory.swap.max",
    "pids.max",
    "cpu.cfs_quota_us",
    "cpu.shares",
    "cpu.max",
    "cpu.weight",
    "cpuset.cpus",
    "cpuset.mems",
    "blkio.weight",
    "io.max",
    "devices.list",
    "freezer.state",
];

/// What a process has.
#[derive(Debug, PartialEq, Eq)]
pub struct Survivor {
    /// Limits, each by its name.
    limits: BTreeMap<String, String>,
    /// Mount points, as often as there are mounts on them.
    mounts: Vec<String>,
}

impl Survivor {
    /// That of a container's command.
    pub fn of(pid: Pid, groups: &Groups) -> Survivor {
        let mut limits = BTreeMap::new();
        for line in proc::read(pid, "limits").lines().skip(1) {
            // Columns are as wide as this (fs/proc/base.c).
            let (name, values) = line.split_at_checked(26).unwrap_or((line, ""));
            let values: Vec<&str> = values.split_whitespace().collect();
            limits.insert(format!("the resource limit {:?}", name.trim()), values.join(" "));
        }
        for group in groups.made() {
            let name = if group.is_unified() { "unified" } else { &group.controllers };
            let Some(place) = group.place(pid) else { continue };
            limits.insert(format!("its {name} control group"), place.clone());
            let mut path = group.delegated();
            for part in place.split('/').filter(|part| !part.is_empty()) {
                path.push(part);
                for file in LIMITS {
                    if let Ok(value) = fs::read_to_string(path.join(file)) {
                        limits
                            .insert(format!("{file} of the group {part}"), value.trim().replace('\n', ", "));
                    }
                }
            }
        }
        let mountinfo = observe::mountinfo(pid);
        let points = mountinfo.lines().filter_map(|line| line.split(' ').nth(4));
        Survivor { limits, mounts: points.map(str::to_owned).collect() }
    }

    /// What of it is gone, or another, in what the process has `now`.
    pub fn lost(&self, now: &Survivor) -> Option<String> {
        for (name, was) in &self.limits {
            match now.limits.get(name) {
                Some(is) if is == was => {}
                Some(is) => return Some(format!("{name} was {was:?} and became {is:?}")),
                None => return Some(format!("{name} was {was:?} and is gone")),
            }
        }
        let mut left = now.mounts.clone();
        let gone = self.mounts.iter().find(|point| match left.iter().position(|it| it == *point) {
            Some(at) => {
                left.swap_remove(at);
                false
            }
            None => true,
        });
        gone.map(|point| format!("the mount at {point} is gone"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn survivor(limits: &[(&str, &str)], mounts: &[&str]) -> Survivor {
        Survivor {
            limits: limits.iter().map(|(name, value)| ((*name).into(), (*value).into())).collect(),
            mounts: mounts.iter().map(|it| (*it).to_owned()).collect(),
        }
    }

    #[test]
    fn what_another_one_takes_along_is_named_and_what_it_leaves_is_not() {
        let first = survivor(&[("pids.max", "64")], &["/", "/proc"]);
        assert_eq!(first.lost(&survivor(&[("pids.max", "64")], &["/", "/proc", "/proc"])), None);
        let told = |limits: &[(&str, &str)], mounts: &[&str]| first.lost(&survivor(limits, mounts)).unwrap();
        assert_eq!(told(&[("pids.max", "max")], &["/", "/proc"]), "pids.max was \"64\" and became \"max\"");
        assert_eq!(told(&[], &["/", "/proc"]), "pids.max was \"64\" and is gone");
        assert_eq!(told(&[("pids.max", "64")], &["/"]), "the mount at /proc is gone");
    }
}
