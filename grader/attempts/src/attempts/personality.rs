//! personality: switch off the randomization of addresses.

use super::{Attack, Attempt, Measured};
use crate::{Host, Inside, Seen};
use nix::errno::Errno;
use nix::libc;

/// The attempt.
pub const ATTEMPT: Attempt = Attempt {
    id: "personality",
    stake: "A defence of every program that the attacker starts: nobody can guess where its code lies.",
    story: "The attacker sets ADDR_NO_RANDOMIZE in its execution domain. Every program that it executes from then \
            on, a set-user-ID one before Linux 2.6.30 too, has its stack, heap and libraries at addresses that are \
            known beforehand, and a hole in it is easier to use. Other bits change what addresses may be mapped \
            and how system calls behave. The call must stay for programs that ask which domain they are in, so \
            the filter looks at its argument.",
    by_hand: &[
        "[ -e /proc/self ] || mount -t proc proc /proc",
        "setarch --addr-no-randomize cat /proc/self/personality    # 00040000: escaped",
    ],
    stopped_by: &["lab5-seccomp/personality"],
    after: &[],
    man: &["personality(2)", "proc_pid_personality(5)", "seccomp(2)"],
    letters: Measured { root: "E EEEEEBB", user: "E EEEEEBB", rootless: "E EEEEEBB" },
    needs: &[],
    decisive: &[libc::SYS_personality],
    attack: Attack::Inside(inside),
    witness,
};

fn inside(me: &mut Inside) -> Result<(), Errno> {
    me.decisive("personality(ADDR_NO_RANDOMIZE)");
    // SAFETY: personality(2) takes an integer.
    Errno::result(unsafe { libc::personality(libc::ADDR_NO_RANDOMIZE as libc::c_ulong) }).map(drop)
}

fn witness(host: &Host) -> Seen {
    let fixed = |domain: Option<u64>| Some(domain? & libc::ADDR_NO_RANDOMIZE as u64 != 0);
    match (fixed(host.attacker_before.personality), fixed(host.attacker.personality)) {
        (Some(false), Some(true)) => {
            Seen::Effect("the attacker's execution domain has got ADDR_NO_RANDOMIZE".into())
        }
        _ => Seen::Nothing,
    }
}
