//! raw-disk: read the host's disk below every file permission.

use super::{Attack, Attempt, Measured, Need};
use crate::inside::disk;
use crate::{Host, Inside, Seen};
use nix::errno::Errno;
use nix::libc;

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
    decisive: &[libc::SYS_openat, libc::SYS_pread64],
    attack: Attack::Inside(inside),
    witness,
};

fn inside(me: &mut Inside) -> Result<(), Errno> {
    let node = disk::find(me, "/dev/sda")?;
    me.decisive("open(\"/dev/sda\", O_RDONLY), pread(4096)");
    disk::read(me, &node)
}

fn witness(host: &Host) -> Seen {
    if host.heard_disk() {
        return Seen::Effect("the attacker knows what stands in the disk's first block".into());
    }
    Seen::Nothing
}
