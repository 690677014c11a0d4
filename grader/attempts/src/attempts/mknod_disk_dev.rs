//! mknod-disk-dev: make a node for the host's disk in /dev.

use super::{Attempt, Measured, Need};
use crate::attacker::Failed;
use crate::attacker::devices::MAKES;
use crate::refusals::Refusal;
use crate::{Attacker, Host, Seen};

/// The attempt.
pub const ATTEMPT: Attempt = Attempt {
    id: "mknod-disk-dev",
    stake: "Every file of every user: a /dev where nodes work is a place to make one.",
    story: "The attacker makes a block node for the disk in /dev and reads the disk through it. A \
            new tmpfs on /dev hides the nodes that were there, but whoever may call mknod(2) makes \
            new ones in it: CAP_MKNOD is in Docker's default set. So the tmpfs is mounted `nodev`. \
            The devices that a container needs are bound from the host: each keeps the flags of the \
            mount that it came from, and works.",
    by_hand: &[
        "mknod /dev/disk b 8 0    # the numbers that lsblk shows",
        "dd if=/dev/disk of=test bs=4k count=1",
    ],
    stopped_by: &["lab2-mounts/dev"],
    after: &[],
    man: &["mknod(2)", "mount(2)", "capabilities(7)"],
    letters: Measured { root: "E EEBBBBB", user: "I IIIIIII", rootless: "I IIIIIII" },
    needs: &[Need::FreshHost, Need::Disk],
    decisive: MAKES,
    attack,
    class: Refusal::Node,
    witness,
};

fn attack(me: &mut Attacker) -> Result<(), Failed> {
    if !me.exists("/dev")? {
        me.keeps_off_devtmpfs("/")?;
        me.mkdir("/dev", 0o755).map_err(Failed::in_preparation)?;
    }
    // On the machine's own nothing is made, and what would be made is there: the kernel has made it.
    if me.is_on_devtmpfs("/dev")? {
        return me.take_disk_on_devtmpfs();
    }
    me.make_disk("/dev")
}

fn witness(host: &Host) -> Seen {
    if host.took_disk() {
        return Seen::Effect("the attacker knows what stands in the disk's first block".into());
    }
    Seen::Nothing
}
