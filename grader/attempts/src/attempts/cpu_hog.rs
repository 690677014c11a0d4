//! cpu-hog: take all the CPU time that there is.

use super::{Attack, Attempt, Measured, Need};
use crate::host::Cpu;
use crate::{Host, Inside, Seen};
use nix::errno::Errno;
use std::hint::black_box;
use std::time::{Duration, Instant};

/// The attempt.
pub const ATTEMPT: Attempt = Attempt {
    id: "cpu-hog",
    stake: "The machine's time: a container that computes without end slows down everybody else.",
    story: "The attacker computes without a pause until it has used 200 ms of CPU time. A control group with a \
            quota gives the whole container so many microseconds in every period; when they are used up its \
            processes wait for the next one. The host reads how much time the process got of the time that \
            passed, and in how many periods the group was throttled. A slow process alone proves nothing: on a \
            busy machine everybody is slow.",
    by_hand: &[
        "[ -e /dev/null ] || touch /dev/null",
        "sh -c 'while :; do :; done' & sleep 4; kill $!; wait; times    # children above 1.3 s: escaped",
    ],
    stopped_by: &["lab6-cgroups/cpu"],
    after: &[],
    man: &["cgroups(7)", "sched(7)"],
    letters: Measured { root: "E EEEEEEB", user: "E EEEEEEB", rootless: "I IIIIIII" },
    needs: &[Need::Limits],
    decisive: &[],
    attack: Attack::Inside(inside),
    witness,
};

/// The time to use, and how long to try on a busy machine: six periods of a quota (100 ms where nothing else was
/// said).
const USE: Duration = Duration::from_millis(200);
const TIMEOUT: Duration = Duration::from_millis(600);
/// As long as this nothing takes by itself between two looks at the clock.
const GAP: Duration = Duration::from_millis(2);
/// More than this share of a CPU, in percent, is more than the container should get: the labs give it a quarter.
const SHARE: f64 = 33.0;
/// As good as all of it.
const ALL: f64 = 0.9;

fn inside(me: &mut Inside) -> Result<(), Errno> {
    me.decisive("nothing but its own code, for 200 ms of CPU time");
    // The clock is read without a system call (vdso(7)): at each the host would stop us. A longer gap between two
    // looks is time that others had.
    let (begun, mut last, mut used) = (Instant::now(), Instant::now(), Duration::ZERO);
    while used < USE && begun.elapsed() < TIMEOUT {
        for at in 0..20_000_u32 {
            black_box(at);
        }
        let gap = last.elapsed();
        last += gap;
        used += if gap < GAP { gap } else { Duration::ZERO };
    }
    Ok(())
}

fn witness(host: &Host) -> Seen {
    let (before, after) = (&host.group.0, &host.group.1);
    let since = |then: Option<u64>, now: Option<u64>| Some(now?.saturating_sub(then?));
    let Some(throttled) = since(before.throttled, after.throttled) else { return Seen::Nothing };
    let Cpu { used, waited, passed } = host.attacker.cpu;
    let share = 100.0 * used / passed.max(f64::MIN_POSITIVE);
    let got = format!("the attacker got {share:.0} % of a CPU");
    if throttled > 0 {
        return Seen::Confined(format!("{got}: its group was throttled in {throttled} periods"));
    }
    if share > SHARE {
        return Seen::Effect(format!("{got}, and its group was never throttled"));
    }
    // On a busy machine, where no quota was in force: it had what it asked for, or only others were in its way.
    let had_all = used > ALL * USE.as_secs_f64() || used + waited > ALL * TIMEOUT.as_secs_f64();
    if had_all && since(before.periods, after.periods) == Some(0) {
        return Seen::Effect(format!("{got}, as much as others left: its group has no quota"));
    }
    Seen::Unclear(format!("{got}, but its group was never throttled: the machine may be busy"))
}
