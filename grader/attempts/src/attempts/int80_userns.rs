//! int80-userns: the same by a system call of the 32-bit architecture.

use super::{Attempt, Measured};
use crate::attacker::Failed;
use crate::refusals::Refusal;
use crate::{Attacker, Host, Seen};
use nix::libc;

/// The attempt.
pub const ATTEMPT: Attempt = Attempt {
    id: "int80-userns",
    stake: "The same as with userns-unshare, and every other call that a filter means to refuse.",
    story: "On x86-64 a program may still make system calls of i386, with the instruction int 0x80. They have \
            numbers of their own: 310 is unshare there, and process_vm_readv here. A filter that looks at the number \
            alone takes the one for the other. So every filter must first compare the architecture, and refuse all \
            but the one that its numbers are meant for. It may kill the process instead: the host sees the signal.",
    by_hand: &[
        r#"echo 'int main(void) { int r; asm("int $0x80" : "=a"(r) : "a"(310), "b"(1 << 28)); return -r; }' | gcc -static -x c - -o rootfs/i386    # on the host"#,
        "/i386; echo $?    # 0: escaped",
    ],
    stopped_by: &["lab5-seccomp/architecture"],
    after: &[],
    man: &["seccomp(2)", "syscall(2)", "user_namespaces(7)"],
    letters: Measured { root: "E BBBEEBB", user: "E BBBEEBB", rootless: "E BBBEEBB" },
    needs: &[],
    decisive: &[UNSHARE],
    attack,
    class: Refusal::UserNamespace,
    witness,
};

/// The number of unshare(2) in the i386 table (arch/x86/entry/syscalls/syscall_32.tbl).
const UNSHARE: libc::c_long = 310;

fn attack(me: &mut Attacker) -> Result<(), Failed> {
    me.call_i386("i386 unshare", UNSHARE, libc::CLONE_NEWUSER.into()).map(drop)
}

fn witness(host: &Host) -> Seen {
    if host.attacker_changed_user_namespace() {
        return Seen::Effect("the attacker is in a user namespace that was not there before".into());
    }
    Seen::Nothing
}
