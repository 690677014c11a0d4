//! release-agent: name a program that the kernel will run on the host.

use super::{Attack, Attempt, Measured, Need};
use crate::inside::cgroups;
use crate::{Host, Inside, Seen};
use nix::errno::Errno;
use nix::libc;

/// The attempt.
pub const ATTEMPT: Attempt = Attempt {
    id: "release-agent",
    stake: "The whole machine: the kernel itself would run the attacker's program, as root, outside of everything.",
    story: "In a v1 hierarchy the file `release_agent` names a program that the kernel starts, with every \
            capability and in the host's namespaces, when the last process of a group that asks for it has ended. \
            The attacker mounts a hierarchy and writes a random word to that file; no group asks, so nothing is \
            ever started. Only the root of a hierarchy has the file: in a cgroup namespace the mount begins at the \
            container's own group, and there is nothing to write to. v2 has no such file. This was \
            CVE-2022-0492, and the way out of many a privileged container.",
    by_hand: &[
        "mkdir -p /tmp/groups && mount -t cgroup -o none,name=systemd groups /tmp/groups",
        "ls -l /tmp/groups/release_agent    # writable: escaped; don't write",
    ],
    stopped_by: &["lab1-namespaces/cgroup-namespace"],
    after: &[],
    man: &["cgroups(7)", "cgroup_namespaces(7)"],
    letters: Measured { root: "E EBBBBBB", user: "I IIIIIII", rootless: "I IIIIIII" },
    needs: &[Need::FreshHost, Need::ReleaseAgent],
    decisive: &[libc::SYS_mount, libc::SYS_openat, libc::SYS_pwrite64],
    attack: Attack::Inside(inside),
    witness,
};

fn inside(me: &mut Inside) -> Result<(), Errno> {
    let place = cgroups::place();
    let options = me.given("release-agent").to_owned();
    me.decisive(&format!("mount(\"{place}\", \"cgroup\", \"{options}\"), write(\"{place}/release_agent\")"));
    cgroups::mount_at(place, "cgroup", &options)?;
    cgroups::write(place, "release_agent", me.mark())
}

fn witness(host: &Host) -> Seen {
    if host.group.1.release_agent.as_deref() == Some(&host.mark) {
        return Seen::Effect("the hierarchy's release agent is what the attacker wrote".into());
    }
    Seen::Nothing
}
