//! release-agent: name a program that the kernel will run on the host.

use super::{Attempt, Measured, Need};
use crate::attacker::Failed;
use crate::refusals::Refusal;
use crate::{Attacker, Host, Seen};
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
    decisive: &[
        libc::SYS_mount,
        libc::SYS_fsopen,
        libc::SYS_fsconfig,
        libc::SYS_fsmount,
        libc::SYS_openat,
        libc::SYS_openat2,
        libc::SYS_write,
    ],
    attack,
    class: Refusal::Group,
    witness,
};

fn attack(me: &mut Attacker) -> Result<(), Failed> {
    let hierarchy = me.new_mount("cgroup", me.given("release-agent"))?;
    me.write_to_group(hierarchy, "release_agent", me.mark())
}

fn witness(host: &Host) -> Seen {
    if host.group.1.release_agent.as_deref() == Some(&host.mark) {
        return Seen::Effect("the hierarchy's release agent is what the attacker wrote".into());
    }
    Seen::Nothing
}
