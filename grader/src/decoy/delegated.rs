//! A control group that an ordinary user may make others in, since somebody has delegated it (cgroups(7), "Cgroups
//! delegation").

use super::cgroupfs::{CONTROLLERS, enable_controllers, join, limits_with, own_group};
use super::group_tree;
use crate::proc;
use nix::unistd::{Pid, geteuid};
use std::fs;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};

/// The group in a delegated one in which the grader itself lives: one that enables controllers holds no process.
const GRADER: &str = "container-labs";

/// The v2 group that was delegated to this person and in which nobody else is, as systemd makes one: `systemd-run --user
/// --scope -p Delegate=yes` (systemd.resource-control(5)).
pub fn group(mountinfo: &str, own: &str) -> Option<PathBuf> {
    let point = proc::mounts(mountinfo).find(|mount| mount.kind == "cgroup2")?.point;
    let own = own_group(own, "")?;
    let own = own.strip_suffix(GRADER).unwrap_or(&own).trim_matches('/');
    // The top of the tree is nobody's to delegate.
    (!own.is_empty()).then(|| Path::new(point).join(own))
}

/// Makes a delegated group ready for [`super::groups::Groups::plan`], if the calling process is alone in one. To be called before any
/// other process is started.
pub fn enter() {
    let read = |path: &Path| fs::read_to_string(path).unwrap_or_default();
    let Some(group) = group(&proc::read("self", "mountinfo"), &proc::read("self", "cgroup")) else { return };
    let ours = fs::metadata(&group).is_ok_and(|it| it.uid() == geteuid().as_raw());
    let alone = read(&group.join("cgroup.procs")).trim() == Pid::this().to_string();
    if geteuid().is_root() || !ours || !alone || !limits_with(&read(&group.join("cgroup.controllers"))) {
        return;
    }
    let below = group.join(GRADER);
    let entered = fs::create_dir(&below).is_ok() && join(&below, Pid::this()).is_ok();
    if !(entered && enable_controllers(&group, '+', &CONTROLLERS).is_ok()) {
        leave();
    }
}

/// Puts everybody back who [`enter`] has moved.
pub fn leave() {
    let read = |file| proc::read("self", file);
    let Some(group) = group(&read("mountinfo"), &read("cgroup")).filter(|_| !geteuid().is_root()) else {
        return;
    };
    let below = group.join(GRADER);
    if below.is_dir() && enable_controllers(&group, '-', &CONTROLLERS).is_ok() {
        let members = fs::read_to_string(below.join("cgroup.procs")).unwrap_or_default();
        for pid in members.lines().filter_map(|line| line.parse().ok()) {
            let _ = join(&group, Pid::from_raw(pid));
        }
        let _ = group_tree::remove(&below);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_delegated_group_is_that_around_the_grader() {
        let mountinfo = "25 22 0:22 / /sys/fs/cgroup rw - cgroup2 cgroup2 rw,nsdelegate\n";
        let scope = "/user.slice/user-1000.slice/user@1000.service/app.slice/run-u3.scope";
        let expected = Some(PathBuf::from(format!("/sys/fs/cgroup{scope}")));
        assert_eq!(group(mountinfo, &format!("0::{scope}\n")), expected);
        assert_eq!(group(mountinfo, &format!("0::{scope}/{GRADER}\n")), expected);
        assert_eq!(group(mountinfo, "0::/\n"), None);
        assert_eq!(group("", &format!("0::{scope}\n")), None);
    }
}
