//! personality: switch off the randomization of addresses.

use super::{Attempt, Measured};
use crate::attacker::Failed;
use crate::refusals::Refusal;
use crate::{Attacker, Host, Seen};
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
    attack,
    class: Refusal::Permission,
    witness,
};

fn attack(me: &mut Attacker) -> Result<(), Failed> {
    let set = |me: &mut Attacker, domain: i64| me.call("personality", libc::SYS_personality, [domain.into()]);
    // What is so already, it first gives up.
    let domain = set(me, QUERY).map_or(0, |returned| returned.value);
    if domain & FIXED != 0 {
        let _ = set(me, domain & !FIXED);
    }
    match set(me, domain | FIXED) {
        Err(Failed::Refused(_)) => {}
        done => return done.map(drop),
    }
    // The kernel reads 32 bits of the domain: a filter that compares all 64 takes this for another number.
    match set(me, domain | FIXED | 1 << 32) {
        Err(Failed::Refused(_)) => {}
        done => return done.map(drop),
    }
    // One flag among others.
    let more = me.with_each(HARMLESS.into_iter().chain([me.some_of(&HARMLESS)]), |me, more| {
        set(me, domain | FIXED | i64::from(more))
    });
    more.map(drop)
}

/// Asks which domain it is in, and changes nothing.
const QUERY: i64 = 0xffff_ffff;
const FIXED: i64 = libc::ADDR_NO_RANDOMIZE as i64;

/// Flags that change nothing here (personality(2)).
const HARMLESS: [i32; 4] = [libc::UNAME26, libc::WHOLE_SECONDS, libc::STICKY_TIMEOUTS, libc::SHORT_INODE];

fn witness(host: &Host) -> Seen {
    if host.call == Some(None) {
        // A filter has killed it, and what has ended has no domain.
        return Seen::Nothing;
    }
    let fixed = |domain: Option<u64>| Some(domain? as i64 & FIXED != 0);
    let (Some(before), Some(after)) =
        (fixed(host.attacker_before.personality), fixed(host.attacker.personality))
    else {
        return Seen::Unclear("the host could not read the attacker's execution domain".into());
    };
    // A call that succeeds returns the domain that was in force until then.
    let given_up = host.call.flatten().is_some_and(|domain| domain >= 0 && domain & FIXED == 0);
    match (before && !given_up, after) {
        (_, false) => Seen::Nothing,
        (false, true) => Seen::Effect("the attacker's execution domain has got ADDR_NO_RANDOMIZE".into()),
        (true, true) => Seen::Unclear("it had ADDR_NO_RANDOMIZE before, and could not give it up".into()),
    }
}
