//! Which groups root makes for a worker, from what is mounted: one in each hierarchy that has controllers, since a program may
//! use any that the machine has.

use super::Group;
use crate::decoy::cgroupfs::{has, limits_with};
use crate::proc::{self, Mount};
use std::path::Path;

/// A group for each v1 hierarchy with controllers, and one in a v2 tree in which the limits of a decoy hold. `enabled` reads
/// which controllers a v2 tree enables for the groups at its top.
pub fn groups(name: &str, mountinfo: &str, own: &str, enabled: impl Fn(&Path) -> String) -> Vec<Group> {
    let mut groups: Vec<Group> = Vec::new();
    for Mount { point, kind, options } in proc::mounts(mountinfo) {
        let (path, controllers) = match kind {
            "cgroup" => {
                let is_mounted = |names: &str| names.split(',').all(|name| has(options, name));
                let Some((controllers, path)) = proc::control_groups(own)
                    .find(|(names, _)| !names.is_empty() && !names.starts_with("name=") && is_mounted(names))
                else {
                    continue;
                };
                (Path::new(point).join(path.trim_start_matches('/')), controllers.to_owned())
            }
            "cgroup2" => {
                if !limits_with(&enabled(Path::new(point))) {
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

#[cfg(test)]
mod tests {
    use super::*;

    fn planned(mountinfo: &str, own: &str, given: &str) -> Vec<(String, String)> {
        let groups = groups("w", mountinfo, own, |_| given.to_owned());
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
        let freezer = ("/sys/fs/cgroup/freezer/w".into(), "freezer".into());
        assert_eq!(planned(mountinfo, own, ""), [memory, cpu, freezer]);
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
}
