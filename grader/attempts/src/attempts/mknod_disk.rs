//! mknod-disk: make a node for the host's disk.

use super::{Attempt, Measured, Need};
use crate::attacker::Failed;
use crate::attacker::devices::MAKES;
use crate::refusals::Refusal;
use crate::{Attacker, Host, Seen};

/// The attempt.
pub const ATTEMPT: Attempt = Attempt {
    id: "mknod-disk",
    stake: "Every file of every user: with CAP_MKNOD a disk needs no node that somebody left lying \
            about.",
    story: "The attacker makes a block node for the disk in its root directory and reads the disk \
            through it. mknod(2) asks for CAP_MKNOD, which Docker's default set contains, and lab \
            4's as well: so it succeeds to the end. What stops the attacker is `nodev` on the mount \
            of the root file system: the node is there, and can't be opened. In a user namespace \
            mknod(2) itself is refused.",
    by_hand: &["mknod /disk b 8 0    # the numbers that lsblk shows", "dd if=/disk of=test bs=4k count=1"],
    stopped_by: &["lab2-mounts/nodev"],
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
    me.make_disk("/")
}

fn witness(host: &Host) -> Seen {
    if host.took_disk() {
        return Seen::Effect("the attacker knows what stands in the disk's first block".into());
    }
    Seen::Nothing
}
