//! mount: mount a file system that the host will see.

use super::{Attempt, Measured, Need};
use crate::attacker::{Failed, unless_refused};
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
    decisive: &[libc::SYS_mount, libc::SYS_fsopen, libc::SYS_open_tree, libc::SYS_move_mount],
    attack,
    class: Refusal::Mount,
    witness,
};

/// Flags that a tmpfs may have or not (mount(2)).
const HARMLESS: [i32; 6] = [
    libc::MS_NOSUID as i32,
    libc::MS_NODEV as i32,
    libc::MS_NOEXEC as i32,
    libc::MS_NOATIME as i32,
    libc::MS_NODIRATIME as i32,
    libc::MS_SILENT as i32,
];

fn attack(me: &mut Attacker) -> Result<(), Failed> {
    let own = me.directory()?;
    let (mut mounted, mut refused) = (false, Ok(()));
    // What is mounted in one place may stay inside, and in another not.
    for target in [own.clone(), me.in_rootfs("data"), "/".into()] {
        match mount_at(me, &own, &target) {
            Ok(()) => mounted = true,
            Err(Failed::Refused(errno)) if !mounted => {
                refused = refused.and(Err(Failed::Refused(errno)));
            }
            Err(Failed::Refused(_)) => {}
            Err(other) => return Err(other),
        }
    }
    if mounted { Ok(()) } else { refused }
}

/// Mounts at a place, in each of three ways: a tmpfs, a directory, and a tmpfs by the newer calls (Linux 5.2).
fn mount_at(me: &mut Attacker, own: &str, target: &str) -> Result<(), Failed> {
    let flags = [0, me.some_of(&HARMLESS)];
    match me.with_each(flags, |me, flags| me.mount(me.mark(), target, "tmpfs", flags as u64)) {
        Err(Failed::Refused(_)) => {}
        done => return done,
    }
    // The directory has the mark in its name.
    if own != "/" && unless_refused(me.mount(own, target, "", libc::MS_BIND))?.is_some() {
        return Ok(());
    }
    let mount = match me.fsopen("tmpfs") {
        Ok(context) => {
            me.fsconfig_set(context, "source", me.mark())?;
            me.fsconfig_create(context)?;
            me.fsmount(context)?
        }
        Err(Failed::Refused(_)) => me.open_tree_clone(own)?,
        Err(other) => return Err(other),
    };
    me.move_mount(mount, target)
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
