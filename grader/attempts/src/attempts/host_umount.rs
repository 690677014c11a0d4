//! host-umount: take a mount away from the host.

use super::{Attempt, Measured, Need};
use crate::attacker::Failed;
use crate::host::Process;
use crate::refusals::Refusal;
use crate::{Attacker, Host, Seen};
use nix::libc;

/// The attempt.
pub const ATTEMPT: Attempt = Attempt {
    id: "host-umount",
    stake: "The host's own file tree: whoever can unmount in it can take its disks away.",
    story: "The attacker unmounts a volume that the host has mounted below the root file system, and \
            the host looks for it in its own mount table. The call succeeds in the labs; what counts \
            is where. A mount namespace of its own keeps the loss inside, if its mounts are private: \
            what is unmounted in a shared one goes from all its peers.",
    by_hand: &[
        "[ -e /proc/self ] || mount -t proc proc /proc; umount -l /data",
        "grep data /proc/self/mountinfo    # on the host",
    ],
    stopped_by: &["lab1-namespaces/mount-namespace", "lab1-namespaces/private-propagation"],
    after: &[],
    man: &["umount(2)", "mount_namespaces(7)"],
    letters: Measured { root: "E EBBBBBB", user: "E EBBBBBB", rootless: "E EBBBBBB" },
    needs: &[Need::FreshHost],
    decisive: &[libc::SYS_umount2],
    attack,
    class: Refusal::Unmount,
    witness,
};

fn attack(me: &mut Attacker) -> Result<(), Failed> {
    let volume = me.in_rootfs("data");
    me.unmount(&volume)
}

fn witness(host: &Host) -> Seen {
    let volume = host.secret("volume");
    let (before, after) = &host.mountinfo;
    if before.contains(volume) && !after.contains(volume) {
        return Seen::Effect("a volume is gone from the host's mount table".into());
    }
    let is_there = |process: &Process| process.mountinfo.contains(volume);
    let is_gone = is_there(&host.attacker_before) && !is_there(&host.attacker);
    if is_gone && after.contains(volume) && host.shares("mnt") == Some(false) {
        return Seen::Confined(
            "the volume is gone from the container's own mount namespace, and not from the host's".into(),
        );
    }
    Seen::Nothing
}
