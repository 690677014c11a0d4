//! Quotas of CPU time in control groups, and the groups below one.

use std::fs;
use std::path::{Path, PathBuf};

/// A quota of CPU time and what lifts it, v1 and v2 (sched-bwc.rst, cgroup-v2.rst).
pub(super) const QUOTAS: [(&str, &str); 2] = [("cpu.cfs_quota_us", "-1"), ("cpu.max", "max")];

/// Lifts a group's quota of CPU time, v1 and v2, if it is less than `least` CPUs.
fn lift_quota(group: &Path, least: f64) {
    let read = |file: &str| fs::read_to_string(group.join(file)).unwrap_or_default();
    let (v1, v2) = (read("cpu.cfs_quota_us") + " " + &read("cpu.cfs_period_us"), read("cpu.max"));
    for ((file, value), figures) in QUOTAS.into_iter().zip([v1, v2]) {
        if quota(&figures).is_some_and(|cpus| cpus < least) {
            let _ = fs::write(group.join(file), value);
        }
    }
}

/// How many CPUs a quota and its period are; none where there is no quota (`max`, or -1).
fn quota(figures: &str) -> Option<f64> {
    let mut figures =
        figures.split_whitespace().map(|figure| figure.parse::<f64>().ok().filter(|it| *it >= 0.0));
    Some(figures.next()?? / figures.next()??)
}

/// Less than so many CPUs is no limit of a container's: it stops the container.
pub const LEAST: f64 = 0.01;

/// The groups below one, the innermost first. Quotas of less than `least` CPUs go: see [`super::groups::Groups::release`].
pub fn list(path: &Path, least: f64, found: &mut Vec<PathBuf>) {
    let children = directories(path);
    children.iter().for_each(|child| lift_quota(child, least));
    for child in children {
        list(&child, least, found);
        found.push(child);
    }
}

/// The directories in one. One whose path is longer than PATH_MAX can't be read.
pub fn directories(path: &Path) -> Vec<PathBuf> {
    let entries = fs::read_dir(path).into_iter().flatten().flatten();
    entries.filter(|it| it.file_type().is_ok_and(|kind| kind.is_dir())).map(|it| it.path()).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    /// v1's two files, and v2's one; what no container would ask for goes, what a lab gives stays.
    #[test]
    fn a_quota_that_only_stops_is_lifted() {
        assert_eq!(quota("-1\n 100000\n"), None);
        assert_eq!(quota("max 100000\n"), None);
        assert_eq!(quota(" "), None);
        let place = tempfile::tempdir().unwrap();
        for (name, given, then) in [("tiny", "1000 1000000", "max"), ("lab", "25000 100000", "25000 100000")]
        {
            let group = place.path().join(name);
            fs::create_dir(&group).unwrap();
            fs::write(group.join("cpu.max"), given).unwrap();
            fs::write(group.join("cpu.cfs_quota_us"), given.split(' ').next().unwrap()).unwrap();
            fs::write(group.join("cpu.cfs_period_us"), given.split(' ').next_back().unwrap()).unwrap();
            list(place.path(), LEAST, &mut Vec::new());
            assert_eq!(fs::read_to_string(group.join("cpu.max")).unwrap(), then);
            let v1 = if then == "max" { "-1" } else { "25000" };
            assert_eq!(fs::read_to_string(group.join("cpu.cfs_quota_us")).unwrap(), v1);
            lift_quota(&group, f64::INFINITY);
            assert_eq!(fs::read_to_string(group.join("cpu.max")).unwrap(), "max");
        }
    }
}
