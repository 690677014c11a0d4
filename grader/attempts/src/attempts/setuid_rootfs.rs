//! setuid-rootfs: become root by a program that came with the root file system.

use super::{Attempt, Measured, Need};
use crate::Attacker;
use crate::attacker::Failed;
use crate::attacker::setuid::gained_root;
use crate::refusals::Refusal;
use nix::libc;

/// The attempt.
pub const ATTEMPT: Attempt = Attempt {
    id: "setuid-rootfs",
    stake: "The line between users and root: it is gone for whoever finds one program with the right bit.",
    story: "The attacker gives up root, becomes uid 1000, and executes a set-user-ID file of the root file system \
            that belongs to root. execve(2) then makes the owner of the file the effective user of the process. \
            Whoever fills a rootfs decides which such files are in it, and they work for everybody who can reach \
            the directory. On a mount with `nosuid` the program runs, and the bit is ignored. The host compares \
            the effective uid of the process, as it counts uids, with that of its own root.",
    by_hand: &[
        "cp /bin/id /id; chmod 4755 /id",
        "setpriv --reuid 1000 --clear-groups /id    # euid=0: escaped",
    ],
    stopped_by: &["lab2-mounts/nosuid"],
    after: &[],
    man: &["execve(2)", "mount(2)", "credentials(7)"],
    letters: Measured { root: "E EEBBBBB", user: "E EEBBBBB", rootless: "I IIIIIII" },
    needs: &[Need::ManyIds, Need::NewPrivileges],
    decisive: &[libc::SYS_execve, libc::SYS_execveat],
    attack,
    class: Refusal::SetUserId,
    witness: gained_root,
};

fn attack(me: &mut Attacker) -> Result<(), Failed> {
    me.execute_setuid("")
}
