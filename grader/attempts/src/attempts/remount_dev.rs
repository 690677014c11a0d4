//! remount-dev: take nodev off the root file system.

use super::{Attempt, Measured, Need};
use crate::attacker::{Failed, unless_refused};
use crate::refusals::Refusal;
use crate::{Attacker, Host, Seen};
use nix::libc;

/// The attempt.
pub const ATTEMPT: Attempt = Attempt {
    id: "remount-dev",
    stake: "Every file of every user: a mount flag holds only against who can't change it.",
    story: "The attacker remounts its root without `nodev` and then opens the device node that came \
            with the root file system. A flag of a mount is changed by whoever has CAP_SYS_ADMIN \
            over the mount namespace, and root in the container has it until the capabilities are \
            dropped. In lab 4 the remount is refused, and so the node stays shut.",
    by_hand: &["mount -o remount,bind,dev /", "dd if=/some-node of=test bs=4k count=1"],
    stopped_by: &["lab4-capabilities/bounding-set", "lab4-capabilities/capability-sets"],
    after: &["rootfs-device-node"],
    man: &["mount(2)", "capabilities(7)"],
    letters: Measured { root: "E EEEEBBB", user: "E EEEEBBB", rootless: "I IIIIIII" },
    needs: &[Need::FreshHost, Need::Disk],
    decisive: &[
        libc::SYS_mount,
        libc::SYS_mount_setattr,
        libc::SYS_openat,
        libc::SYS_openat2,
        libc::SYS_pread64,
    ],
    attack,
    class: Refusal::Node,
    witness,
};

fn attack(me: &mut Attacker) -> Result<(), Failed> {
    let node = me.in_rootfs(me.given("node"));
    // What lies over the node alone may be taken away.
    unless_refused(me.unmask(&node))?;
    // Where they can't be taken away the node stays as it is.
    let top = unless_refused(me.without_flags("/", libc::MOUNT_ATTR_NODEV))?.unwrap_or_default();
    me.take_disk(&format!("{}{node}", top.trim_end_matches('/')))
}

fn witness(host: &Host) -> Seen {
    if host.took_disk() {
        return Seen::Effect("the attacker knows what stands in the disk's first block".into());
    }
    Seen::Nothing
}
