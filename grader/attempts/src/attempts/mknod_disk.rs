//! mknod-disk: make a node for the host's disk.

use super::{Attack, Attempt, Measured, Need};
use crate::inside::disk::make_node_and_read;
use crate::{Host, Inside, Seen};
use nix::errno::Errno;
use nix::libc;

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
    decisive: &[libc::SYS_mknodat, libc::SYS_openat, libc::SYS_pread64],
    attack: Attack::Inside(inside),
    witness,
};

fn inside(me: &mut Inside) -> Result<(), Errno> {
    make_node_and_read(me, "")
}

fn witness(host: &Host) -> Seen {
    if host.heard_disk() {
        return Seen::Effect("the attacker knows what stands in the disk's first block".into());
    }
    Seen::Nothing
}
