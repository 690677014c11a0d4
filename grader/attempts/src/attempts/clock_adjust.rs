//! clock-adjust: be allowed to adjust the machine's clock.

use super::{Attack, Attempt, Measured};
use crate::{Host, Inside, Seen};
use nix::errno::Errno;
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
    // adjtimex(2), the same by another name, reads before: so the two can be told apart.
    decisive: &[libc::SYS_clock_adjtime],
    attack: Attack::Inside(inside),
    witness,
};

fn inside(me: &mut Inside) -> Result<(), Errno> {
    // SAFETY: a timex of zeros is valid; with no mode set both calls only write to it.
    unsafe {
        let mut clock: libc::timex = std::mem::zeroed();
        let read = Errno::result(libc::syscall(libc::SYS_adjtimex, &mut clock));
        me.decisive("clock_adjtime(CLOCK_REALTIME, ADJ_ESTERROR) with the value just read");
        if read.is_err() {
            // A filter refuses even to read the clock. Does it know this name of the call as well?
            Errno::result(libc::syscall(libc::SYS_clock_adjtime, libc::CLOCK_REALTIME, &mut clock))?;
        }
        clock.modes = libc::ADJ_ESTERROR;
        Errno::result(libc::syscall(libc::SYS_clock_adjtime, libc::CLOCK_REALTIME, &mut clock)).map(drop)
    }
}

fn witness(host: &Host) -> Seen {
    match host.call {
        Some(Some(0..)) => Seen::Effect("the kernel let the attacker adjust the machine's clock".into()),
        _ => Seen::Nothing,
    }
}
