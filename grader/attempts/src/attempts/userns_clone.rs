//! userns-clone: a child that is root in a new user namespace, by clone(2).

use super::{Attempt, Measured};
use crate::attacker::Failed;
use crate::refusals::Refusal;
use crate::{Attacker, Host, Seen};
use nix::libc;

/// The attempt.
pub const ATTEMPT: Attempt = Attempt {
    id: "userns-clone",
    stake: "The same as with userns-unshare: kernel code that only capabilities open.",
    story: "The attacker makes a child in a new user namespace, in which the child holds every capability. No \
            filter can refuse clone(2) altogether, since fork(3) and threads need it: it must look at the flags in \
            the first argument, and refuse those of namespaces. As with userns-unshare, the kernel itself refuses \
            a process in a chroot.",
    by_hand: &[
        "[ -e /dev/null ] || touch /dev/null",
        r#"perl -e 'print syscall(56, 0x10000011, 0, 0, 0, 0), "\n"; wait'    # x86-64; a child, who prints 0: escaped; -1: refused"#,
    ],
    stopped_by: &["lab5-seccomp/clone-flags"],
    after: &[],
    man: &["clone(2)", "user_namespaces(7)", "seccomp(2)"],
    letters: Measured { root: "E BBBEEBB", user: "E BBBEEBB", rootless: "E BBBEEBB" },
    needs: &[],
    decisive: &[libc::SYS_clone],
    attack,
    class: Refusal::UserNamespace,
    witness,
};

/// What a child may have as well.
const HARMLESS: [i32; 6] = [
    libc::CLONE_NEWUTS,
    libc::CLONE_NEWIPC,
    libc::CLONE_NEWCGROUP,
    libc::CLONE_NEWNS,
    libc::CLONE_FILES,
    libc::CLONE_SYSVSEM,
];

fn attack(me: &mut Attacker) -> Result<(), Failed> {
    let flag = i64::from(libc::CLONE_NEWUSER);
    match me.clone(flag) {
        Err(Failed::Refused(_)) => {}
        done => return done,
    }
    // The kernel reads 32 bits of the flags: a filter that compares all 64 takes this for another number.
    match me.clone(flag | 1 << 32) {
        Err(Failed::Refused(_)) => {}
        done => return done,
    }
    // And a filter may look for one number only.
    let more = [libc::CLONE_NEWUTS].into_iter().chain(me.varied(&[0], &HARMLESS).into_iter().skip(1));
    me.with_each(more, |me, more| me.clone(flag | i64::from(more)))
}

fn witness(host: &Host) -> Seen {
    if host.child_has_other_user_namespace() {
        return Seen::Effect("a child of the attacker is in a user namespace of its own".into());
    }
    Seen::Nothing
}
