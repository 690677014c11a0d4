//! mount: mount a file system that the host will see.

use super::{Attempt, Measured, Need};
use crate::attacker::Failed;
use crate::refusals::Refusal;
use crate::{Attacker, Host, Seen};
use nix::libc;

/// The attempt.
pub const ATTEMPT: Attempt = Attempt {
    id: "mount",
    stake: "The host's own file tree: whoever can mount in it can cover any file of it.",
    story: "The attacker mounts a tmpfs under a name that only the host knows, and the host looks for that name in \
            its own mount table. The call succeeds in the labs; what counts is where. A mount namespace of its own \
            keeps the mount inside, if its mounts are private: a namespace begins as a copy whose mounts are peers \
            of the host's, and what is mounted in one peer appears in the other.",
    by_hand: &["mount -t tmpfs mark /tmp", "grep mark /proc/self/mountinfo    # on the host"],
    stopped_by: &["lab1-namespaces/mount-namespace", "lab1-namespaces/private-propagation"],
    after: &[],
    man: &["mount(2)", "mount_namespaces(7)"],
    letters: Measured { root: "E EBBBBBB", user: "E EBBBBBB", rootless: "E EBBBBBB" },
    needs: &[Need::FreshHost],
    decisive: &[libc::SYS_mount],
    attack,
    class: Refusal::Mount,
    witness,
};

fn attack(me: &mut Attacker) -> Result<(), Failed> {
    let target = me.directory()?;
    match me.mount(me.mark(), &target, "tmpfs", 0) {
        Err(Failed::Refused(_)) => {}
        done => return done,
    }
    // The other way to mount (Linux 5.2): a context, a file system, a mount, a place for it.
    let context = me.fsopen("tmpfs")?;
    me.fsconfig_set(context, "source", me.mark())?;
    me.fsconfig_create(context)?;
    let mount = me.fsmount(context)?;
    me.move_mount(mount, &target)
}

fn witness(host: &Host) -> Seen {
    if host.mountinfo.1.contains(&host.mark) {
        return Seen::Effect("the attacker's mount appeared in the host's mount table".into());
    }
    if host.attacker.mountinfo.contains(&host.mark) && host.shares("mnt") == Some(false) {
        return Seen::Confined(
            "the mount is in the container's own mount namespace, and not in the host's".into(),
        );
    }
    Seen::Nothing
}
