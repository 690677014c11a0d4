//! boot-time: learn how long the machine has been up.

use super::{Attack, Attempt, Measured};
use crate::{Host, Inside, Seen};
use nix::errno::Errno;
use nix::libc;

/// The host reads its clock after the attacker, but not this many seconds after.
const APART: i64 = 30;

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
    needs: &[],
    decisive: &[libc::SYS_clock_gettime],
    attack: Attack::Inside(inside),
    witness,
};

fn inside(me: &mut Inside) -> Result<(), Errno> {
    me.decisive("clock_gettime(CLOCK_BOOTTIME)");
    let mut time = libc::timespec { tv_sec: 0, tv_nsec: 0 };
    // By its number: the C library would ask the vDSO, and the host would see no call.
    // SAFETY: the call writes one timespec.
    unsafe {
        Errno::result(libc::syscall(libc::SYS_clock_gettime, libc::CLOCK_BOOTTIME, &mut time))?;
    }
    me.bring_out(time.tv_sec.to_string().as_bytes());
    Ok(())
}

fn witness(host: &Host) -> Seen {
    let said = std::str::from_utf8(&host.said).ok().and_then(|text| text.parse::<i64>().ok());
    match said {
        Some(seconds) if (0..APART).contains(&(host.boottime - seconds)) => {
            Seen::Effect(format!("the attacker reads the host's own clock: up for {seconds} s"))
        }
        Some(seconds) if host.shares("time") == Some(false) => {
            Seen::Confined(format!("in a time namespace of the container's own it reads {seconds} s"))
        }
        _ => Seen::Nothing,
    }
}
