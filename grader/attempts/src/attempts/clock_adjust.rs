//! clock-adjust: be allowed to adjust the machine's clock.

use super::{Attempt, Measured};
use crate::attacker::Failed;
use crate::refusals::Refusal;
use crate::{Attacker, Host, Seen};
use nix::libc;

/// The attempt.
pub const ATTEMPT: Attempt = Attempt {
    id: "clock-adjust",
    stake: "The machine's clock: certificates, logs and locks of every process rest on it.",
    story: "The clock that tells the date belongs to no namespace: who adjusts it adjusts it for the whole \
            machine. The attacker reads the clock's estimated error, a mere note for time servers, and sets it to \
            the value just read, so that nothing changes. The kernel checks the same permission as for any \
            adjustment, and the host sees through ptrace(2) whether the call succeeded. CAP_SYS_TIME is not \
            among what a container needs (EPERM).",
    by_hand: &[
        "[ -e /proc/self ] || mount -t proc proc /proc",
        "grep CapEff /proc/self/status    # bit 25 is CAP_SYS_TIME",
    ],
    stopped_by: &["lab4-capabilities/bounding-set", "lab4-capabilities/capability-sets"],
    after: &[],
    man: &["adjtimex(2)", "capabilities(7)", "time_namespaces(7)"],
    letters: Measured { root: "E EEEEBBB", user: "I IIIIIII", rootless: "I IIIIIII" },
    needs: &[],
    decisive: &[libc::SYS_clock_adjtime, libc::SYS_adjtimex, libc::SYS_settimeofday],
    attack,
    class: Refusal::Permission,
    witness,
};

/// What the attacker notes where clock_settime(2) is let through.
const PASSES: &[u8] = b"clock_settime";

/// include/uapi/linux/capability.h
const CAP_SYS_TIME: u32 = 25;

fn attack(me: &mut Attacker) -> Result<(), Failed> {
    let passes = me.clock_settime_passes()?;
    if passes {
        me.taken = PASSES.into();
    }
    match me.read_clock() {
        Err(Failed::Refused(_)) => me.set_nothing(),
        clock => me.adjust_clock(clock?),
    }
}

fn witness(host: &Host) -> Seen {
    if host.call_succeeded() {
        return Seen::Effect("the kernel let the attacker adjust the machine's clock".into());
    }
    let held = host.attacker.status.get("CapEff").and_then(|held| u64::from_str_radix(held, 16).ok());
    let may_set = held.is_some_and(|held| held >> CAP_SYS_TIME & 1 == 1) && host.shares("user") == Some(true);
    if may_set && host.said == PASSES {
        return Seen::Unclear("it has CAP_SYS_TIME, and may call clock_settime(2)".into());
    }
    Seen::Nothing
}
