//! raw-disk: read the host's disk below every file permission.

use super::{Attempt, Measured, Need};
use crate::attacker::Failed;
use crate::attacker::files::OPENS;
use crate::refusals::Refusal;
use crate::{Attacker, Host, Seen};

/// The attempt.
pub const ATTEMPT: Attempt = Attempt {
    id: "raw-disk",
    stake: "Every file of every user: a disk read block by block knows no permissions.",
    story: "The attacker opens the disk's device node and reads its first 4096 bytes, as the article's \
            `dd if=/dev/sda of=test bs=4k count=1` does. The decoy disk begins with a random number, so whoever \
            knows the number has read the disk. A new /dev has no such node, and on a mount with `nodev` the \
            node that is left in the root file system can't be opened.",
    by_hand: &["dd if=/dev/sda of=test bs=4k count=1"],
    stopped_by: &["lab2-mounts/dev", "lab2-mounts/nodev"],
    after: &[],
    man: &["open(2)", "mount(2)"],
    letters: Measured { root: "E EEBBBBB", user: "E EEBBBBB", rootless: "I IIIIIII" },
    needs: &[Need::Disk],
    decisive: OPENS,
    attack,
    class: Refusal::Node,
    witness,
};

fn attack(me: &mut Attacker) -> Result<(), Failed> {
    // By the kernel's own name for it too, which it has in a devtmpfs: there is one for the whole machine.
    match me.take_disk_on_devtmpfs() {
        Err(Failed::Refused(_) | Failed::GaveUp(_)) => {}
        done => return done,
    }
    match me.take_disk("/dev/sda") {
        // What is called so there may be the machine's.
        Err(Failed::GaveUp(_)) if me.is_on_devtmpfs("/dev")? => me.take_disk_on_devtmpfs(),
        done => done,
    }
}

fn witness(host: &Host) -> Seen {
    if host.took_disk() {
        return Seen::Effect("the attacker knows what stands in the disk's first block".into());
    }
    Seen::Nothing
}
