//! signal-process: end a process of the host.

use super::{Attack, Attempt, Measured, Need};
use crate::host::Ending;
use crate::{Host, Inside, Seen};
use nix::errno::Errno;
use nix::libc;
use nix::sys::signal::{Signal, kill};

/// The attempt.
pub const ATTEMPT: Attempt = Attempt {
    id: "signal-process",
    stake: "Every service of the host: a signal ends it.",
    story: "The attacker sends SIGTERM to a process of the host, by its number. Root may signal \
            every process that it can name, and the number is the name. In a PID namespace of its \
            own the container counts its processes itself, and the host's have no number in it: \
            kill(2) finds nobody. The host sees how its victim ended, as wait(2) tells it.",
    by_hand: &["kill -TERM 1234    # a process of the host, as ps shows it there"],
    stopped_by: &["lab1-namespaces/pid-namespace"],
    after: &[],
    man: &["kill(2)", "pid_namespaces(7)"],
    letters: Measured { root: "E EBBBBBB", user: "E EBBBBBB", rootless: "E EBBBBBB" },
    needs: &[Need::FreshHost],
    decisive: &[libc::SYS_kill],
    attack: Attack::Inside(inside),
    witness,
};

fn inside(me: &mut Inside) -> Result<(), Errno> {
    let victim = me.victim()?;
    me.decisive(&format!("kill({victim}, SIGTERM)"));
    kill(victim, Signal::SIGTERM)
}

fn witness(host: &Host) -> Seen {
    match host.victim {
        Ending::Killed(libc::SIGTERM) => Seen::Effect("SIGTERM ended a process of the host".into()),
        _ => Seen::Nothing,
    }
}
