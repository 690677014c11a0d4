//! userns-unshare: become root in a new user namespace, by unshare(2).

use super::{Attempt, Measured};
use crate::attacker::Failed;
use crate::refusals::Refusal;
use crate::{Attacker, Host, Seen};
use nix::libc;

/// The attempt.
pub const ATTEMPT: Attempt = Attempt {
    id: "userns-unshare",
    stake: "Large parts of the kernel that only capabilities open, and with them the next hole in it.",
    story: "The attacker moves to a user namespace of its own. In it the process holds every capability again, \
            whatever its container took away: not over the host, but over new mount and network namespaces, and \
            so over kernel code that is written for root. Many holes in the kernel were reached that way. A \
            process in a chroot is refused by the kernel itself, which is why labs 0 to 2 seem safe; pivot_root \
            takes that away again. The defence is a seccomp filter without unshare.",
    by_hand: &["unshare --user --map-root-user grep CapEff /proc/self/status"],
    stopped_by: &["lab5-seccomp/filter"],
    after: &[],
    man: &["unshare(2)", "user_namespaces(7)", "seccomp(2)"],
    letters: Measured { root: "E BBBEEBB", user: "E BBBEEBB", rootless: "E BBBEEBB" },
    needs: &[],
    decisive: &[libc::SYS_unshare],
    attack,
    class: Refusal::UserNamespace,
    witness,
};

/// What it may leave as well.
const HARMLESS: [i32; 6] = [
    libc::CLONE_NEWUTS,
    libc::CLONE_NEWIPC,
    libc::CLONE_NEWCGROUP,
    libc::CLONE_NEWNS,
    libc::CLONE_FILES,
    libc::CLONE_SYSVSEM,
];

fn attack(me: &mut Attacker) -> Result<(), Failed> {
    // Alone or among others: a filter may look for one number only.
    let kinds = [0, libc::CLONE_NEWUTS, libc::CLONE_NEWIPC | libc::CLONE_NEWUTS];
    let kinds = me.varied(&kinds, &HARMLESS);
    me.with_each(kinds, |me, more| me.unshare(libc::CLONE_NEWUSER | more))
}

fn witness(host: &Host) -> Seen {
    if host.attacker_changed_user_namespace() {
        return Seen::Effect("the attacker is in a user namespace that was not there before".into());
    }
    Seen::Nothing
}
