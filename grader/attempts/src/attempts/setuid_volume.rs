//! setuid-volume: the same by a program on a volume below the root file system.

use super::{Attempt, Measured, Need};
use crate::Attacker;
use crate::attacker::Failed;
use crate::attacker::setuid::gained_root;
use crate::refusals::Refusal;
use nix::libc;

/// The attempt.
pub const ATTEMPT: Attempt = Attempt {
    id: "setuid-volume",
    stake: "The line between users and root, by way of a directory that the container shares with others.",
    story: "The attacker becomes uid 1000 and executes a set-user-ID file of root's on a volume: a file system of \
            its own that is mounted below the rootfs. Mount flags hold for one mount only. `nosuid` set by a \
            remount of the rootfs does not reach the volume, although a recursive bind brought it along; \
            mount_setattr(2) with AT_RECURSIVE does. Failing that, no_new_privs would stop it.",
    by_hand: &[
        "cp /bin/id /data/id; chmod 4755 /data/id",
        "setpriv --reuid 1000 --clear-groups /data/id    # euid=0: escaped",
    ],
    stopped_by: &["lab2-mounts/nosuid"],
    after: &[],
    man: &["mount_setattr(2)", "execve(2)", "mount(2)"],
    letters: Measured { root: "E EEBBBBB", user: "E EEBBBBB", rootless: "I IIIIIII" },
    needs: &[Need::ManyIds, Need::NewPrivileges],
    decisive: &[libc::SYS_execve, libc::SYS_execveat],
    attack,
    class: Refusal::SetUserId,
    witness: gained_root,
};

fn attack(me: &mut Attacker) -> Result<(), Failed> {
    me.execute_setuid("/data")
}
