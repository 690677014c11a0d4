//! rootfs-device-node: open a device node that came with the root file system.

use super::{Attempt, Measured, Need};
use crate::attacker::Failed;
use crate::attacker::files::OPENS;
use crate::refusals::Refusal;
use crate::{Attacker, Host, Seen};

/// The attempt.
pub const ATTEMPT: Attempt = Attempt {
    id: "rootfs-device-node",
    stake: "Every file of every user, for a device node in somebody's archive.",
    story: "A device node is a name for a driver, and it works wherever it stands. The attacker \
            opens a block node that came with the root file system, outside of /dev, where no new \
            /dev covers it. On a mount with `nodev` the kernel opens no device: binding the root \
            file system onto itself gives it a mount of its own that can carry the flag.",
    by_hand: &[
        "mknod rootfs/some-node b 8 0    # on the host, before; the numbers that lsblk shows",
        "dd if=/some-node of=test bs=4k count=1",
    ],
    stopped_by: &["lab2-mounts/nodev"],
    after: &[],
    man: &["mount(2)", "mknod(2)"],
    letters: Measured { root: "E EEBBBBB", user: "E EEBBBBB", rootless: "I IIIIIII" },
    needs: &[Need::Disk],
    decisive: OPENS,
    attack,
    class: Refusal::Node,
    witness,
};

fn attack(me: &mut Attacker) -> Result<(), Failed> {
    me.take_disk(&me.in_rootfs(me.given("node")))
}

fn witness(host: &Host) -> Seen {
    if host.took_disk() {
        return Seen::Effect("the attacker knows what stands in the disk's first block".into());
    }
    Seen::Nothing
}
