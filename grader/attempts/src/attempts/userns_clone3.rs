//! userns-clone3: the same by clone3(2), whose flags no filter can read.

use super::{Attack, Attempt, Measured};
use crate::inside::child;
use crate::{Host, Inside, Seen};
use nix::errno::Errno;
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
    attack: Attack::Inside(inside),
    witness,
};

/// The first version of `struct clone_args`, 64 bytes: all that is needed here.
#[repr(C)]
#[derive(Default)]
struct Arguments {
    flags: u64,
    pidfd: u64,
    child_tid: u64,
    parent_tid: u64,
    exit_signal: u64,
    stack: u64,
    stack_size: u64,
    tls: u64,
}

fn inside(me: &mut Inside) -> Result<(), Errno> {
    let (flags, exit_signal) = (libc::CLONE_NEWUSER as u64, libc::SIGCHLD as u64);
    let arguments = Arguments { flags, exit_signal, ..Arguments::default() };
    me.decisive("clone3(CLONE_NEWUSER)");
    // SAFETY: without CLONE_VM and without a stack the child is a copy, as of fork(2); the probe has one thread.
    let child = unsafe { libc::syscall(libc::SYS_clone3, &raw const arguments, size_of_val(&arguments)) };
    if Errno::result(child)? == 0 {
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
