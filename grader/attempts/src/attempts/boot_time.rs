//! boot-time: learn how long the machine has been up.

use super::{Attempt, Measured, Need};
use crate::attacker::Failed;
use crate::refusals::Refusal;
use crate::{Attacker, Host, Seen};
use nix::libc;

/// A clock that is set apart by less, in seconds, tells nearly as much as the host's own.
const APART: i64 = 3600;

/// The attempt.
pub const ATTEMPT: Attempt = Attempt {
    id: "boot-time",
    stake: "When the machine was last restarted, and so updated: it tells which old holes are still open.",
    story: "The attacker reads the clock that counts from the machine's start. The decoy host has a random offset \
            on its own, so whoever reads the same time has read that clock. A time namespace has offsets of its \
            own for the clocks that count from the start; the clock that tells the date has none. Unlike other \
            namespaces, this one must be given its offsets before anybody is in it.",
    by_hand: &[
        "[ -e /proc/self ] || mount -t proc proc /proc",
        "cat /proc/uptime    # as on the host: escaped",
    ],
    stopped_by: &["lab1-namespaces/time-namespace"],
    after: &[],
    man: &["clock_gettime(2)", "time_namespaces(7)"],
    letters: Measured { root: "E EBBBBBB", user: "E EBBBBBB", rootless: "E EBBBBBB" },
    needs: &[Need::TimeNamespace],
    decisive: &[libc::SYS_clock_gettime, libc::SYS_sysinfo],
    attack,
    class: Refusal::Permission,
    witness,
};

fn attack(me: &mut Attacker) -> Result<(), Failed> {
    let seconds = match me.boot_time() {
        Err(Failed::Refused(_)) => me.uptime(),
        told => told,
    }?;
    me.taken = seconds.to_string().into_bytes();
    Ok(())
}

fn witness(host: &Host) -> Seen {
    let said = std::str::from_utf8(&host.said).ok().and_then(|text| text.parse::<i64>().ok());
    let offsets = host.attacker.boot_offset.zip(host.boot_offset);
    let apart = offsets.map(|(theirs, ours)| theirs.abs_diff(ours) >= APART as u64);
    match said {
        Some(seconds) if (host.boottime - seconds).abs() < APART => {
            Seen::Effect(format!("the attacker reads the host's own clock, or nearly: up for {seconds} s"))
        }
        // The clock is read without a call as well (vdso(7)), which no filter refuses.
        _ if host.shares("time") == Some(true) || apart == Some(false) => {
            Seen::Effect("the attacker's clock is the host's own, or nearly".into())
        }
        Some(seconds) if host.shares("time") == Some(false) => {
            Seen::Confined(format!("in a time namespace of the container's own it reads {seconds} s"))
        }
        _ if apart == Some(true) => {
            Seen::Confined("in a time namespace of the container's own its clock is set apart".into())
        }
        _ => Seen::Nothing,
    }
}
