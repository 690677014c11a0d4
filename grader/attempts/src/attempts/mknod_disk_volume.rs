//! mknod-disk-volume: make a node for the host's disk on a volume.

use super::{Attempt, Measured, Need};
use crate::attacker::Failed;
use crate::attacker::devices::MAKES;
use crate::refusals::Refusal;
use crate::{Attacker, Host, Seen};

/// The attempt.
pub const ATTEMPT: Attempt = Attempt {
    id: "mknod-disk-volume",
    stake: "Every file of every user: one volume without the flag undoes it on all other mounts.",
    story: "The attacker makes a block node for the disk on a volume, which is a mount below the \
            root file system, and reads the disk through it. `nodev` holds for one mount: set on the \
            root file system alone it leaves the volumes as they were. A remount reaches the top \
            only; mount_setattr(2) with AT_RECURSIVE reaches them all.",
    by_hand: &[
        "mknod /data/disk b 8 0    # the numbers that lsblk shows",
        "dd if=/data/disk of=test bs=4k count=1",
    ],
    stopped_by: &["lab2-mounts/nodev"],
    after: &[],
    man: &["mount_setattr(2)", "mknod(2)"],
    letters: Measured { root: "E EEBBBBB", user: "I IIIIIII", rootless: "I IIIIIII" },
    needs: &[Need::FreshHost, Need::Disk],
    decisive: MAKES,
    attack,
    class: Refusal::Node,
    witness,
};

fn attack(me: &mut Attacker) -> Result<(), Failed> {
    me.make_disk(&me.in_rootfs("data"))
}

fn witness(host: &Host) -> Seen {
    if host.took_disk() {
        return Seen::Effect("the attacker knows what stands in the disk's first block".into());
    }
    Seen::Nothing
}
