//! cpu-hog: take all the CPU time that there is.

use super::{Attempt, Measured, Need};
use crate::attacker::Failed;
use crate::host::Cpu;
use crate::refusals::Refusal;
use crate::{Attacker, Host, Seen};
use std::time::Duration;

/// The attempt.
pub const ATTEMPT: Attempt = Attempt {
    id: "cpu-hog",
    stake: "The machine's time: a container that computes without end slows down everybody else.",
    story: "The attacker computes without a pause until it has used 200 ms of CPU time. A control group with a \
            quota gives the whole container so many microseconds in every period; when they are used up its \
            processes wait for the next one. A share, or weight, limits it only as long as others want the processor: \
            so a process of the host's then does. The host reads how much time each got of the time that \
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
    needs: &[Need::Limits, Need::Rival],
    decisive: &[],
    attack,
    class: Refusal::Permission,
    witness,
};

/// The time to use.
const USE: Duration = Duration::from_millis(200);
/// More than this share of a CPU, in percent, is more than the container should get: the labs give it a quarter.
const SHARE: f64 = 33.0;
/// Of less than this, in seconds, it can't be told how the two shared it.
const TOO_LITTLE: f64 = 0.03;

fn attack(me: &mut Attacker) -> Result<(), Failed> {
    me.spin(USE)
}

fn witness(host: &Host) -> Seen {
    let (before, after) = (&host.group.0, &host.group.1);
    let since = |then: Option<u64>, now: Option<u64>| Some(now?.saturating_sub(then?));
    let Some(throttled) = since(before.throttled, after.throttled) else { return Seen::Nothing };
    let Cpu { used, passed } = host.attacker.cpu;
    let share = percent(used, passed);
    let got = format!("the attacker got {share:.0} % of a CPU");
    if throttled > 0 && share <= SHARE {
        return Seen::Confined(format!("{got}: its group was throttled in {throttled} periods"));
    }
    let (own, others) = match &host.rivalry {
        Some(Ok(both)) => *both,
        Some(Err(why)) => return Seen::Unclear(format!("{got}, and no process of the host's: {why}")),
        None => return Seen::Unclear(format!("{got}, and nobody else wanted any")),
    };
    let part = Some(percent(own, own + others)).filter(|_| own + others > TOO_LITTLE);
    if let Some(part) = part.filter(|part| *part <= SHARE) {
        return Seen::Confined(format!(
            "it got {part:.0} % of a CPU that it shared with a process of the host's"
        ));
    }
    if share > SHARE {
        return Seen::Effect(format!("{got}, and its group was throttled in {throttled} periods"));
    }
    // On a busy machine, where no quota was in force: only others were in its way.
    if part.is_some() && since(before.periods, after.periods) == Some(0) {
        return Seen::Effect(format!("{got}, as much as others left: its group has no quota"));
    }
    Seen::Unclear(format!("{got}, but its group was never throttled: the machine may be busy"))
}

fn percent(part: f64, of: f64) -> f64 {
    100.0 * part / of.max(f64::MIN_POSITIVE)
}
