//! userns-clone3: the same by clone3(2), whose flags no filter can read.

use super::{Attempt, Measured};
use crate::attacker::Failed;
use crate::refusals::Refusal;
use crate::{Attacker, Host, Seen};
use nix::libc;

/// The attempt.
pub const ATTEMPT: Attempt = Attempt {
    id: "userns-clone3",
    stake: "The same as with userns-unshare: kernel code that only capabilities open.",
    story: "The attacker makes a child in a new user namespace by clone3(2). That call takes its flags in memory, \
            and a seccomp filter sees registers only: it can allow or refuse the call, and not look at it. C \
            libraries try clone3 first and fall back to clone if it does not exist, so a filter answers ENOSYS. \
            With EPERM they would give up, and no thread could be made.",
    by_hand: &[
        "[ -e /dev/null ] || touch /dev/null",
        r#"perl -e '$a = pack "Q8", 1 << 28, 0, 0, 0, 17, 0, 0, 0; print syscall(435, $a, 64), "\n"; wait'    # as with userns-clone"#,
    ],
    stopped_by: &["lab5-seccomp/clone3"],
    after: &[],
    man: &["clone(2)", "user_namespaces(7)", "seccomp(2)"],
    letters: Measured { root: "E BBBEEBB", user: "E BBBEEBB", rootless: "E BBBEEBB" },
    needs: &[],
    decisive: &[libc::SYS_clone3],
    attack,
    class: Refusal::UserNamespace,
    witness,
};

fn attack(me: &mut Attacker) -> Result<(), Failed> {
    me.clone3(libc::CLONE_NEWUSER.into()).map(drop)
}

fn witness(host: &Host) -> Seen {
    if host.child_has_other_user_namespace() {
        return Seen::Effect("a child of the attacker is in a user namespace of its own".into());
    }
    Seen::Nothing
}
