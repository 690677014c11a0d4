//! userns-clone: a child that is root in a new user namespace, by clone(2).

use super::{Attack, Attempt, Measured};
use crate::inside::child;
use crate::{Host, Inside, Seen};
use nix::errno::Errno;
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
    attack: Attack::Inside(inside),
    witness,
};

fn inside(me: &mut Inside) -> Result<(), Errno> {
    me.decisive("clone(CLONE_NEWUSER)");
    let flags = libc::CLONE_NEWUSER | libc::SIGCHLD;
    // SAFETY: without CLONE_VM and without a stack the child is a copy, as of fork(2); the probe has one thread.
    let child = Errno::result(unsafe { libc::syscall(libc::SYS_clone, flags, 0, 0, 0, 0) })?;
    if child == 0 {
        child::wait();
    }
    Ok(())
}

fn witness(host: &Host) -> Seen {
    if host.child_has_other_user_namespace() {
        return Seen::Effect("a child of the attacker is in a user namespace of its own".into());
    }
    Seen::Nothing
}
