//! signal-process: end a process of the host.

use super::{Attempt, Measured, Need};
use crate::attacker::{Failed, unless_refused};
use crate::host::Ending;
use crate::refusals::Refusal;
use crate::{Attacker, Host, Seen};
use nix::libc;

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
    decisive: &[
        libc::SYS_kill,
        libc::SYS_tgkill,
        libc::SYS_tkill,
        libc::SYS_rt_sigqueueinfo,
        libc::SYS_rt_tgsigqueueinfo,
        libc::SYS_pidfd_open,
        libc::SYS_pidfd_send_signal,
    ],
    attack,
    class: Refusal::Process,
    witness,
};

/// Each of these ends a process that has no handler for it, without a core dump; from 34 on they are for a program's own use
/// (signal(7)).
#[rustfmt::skip]
const SIGNALS: [i32; 43] = [
    libc::SIGTERM, libc::SIGINT, libc::SIGUSR1, libc::SIGHUP, libc::SIGUSR2, libc::SIGALRM, libc::SIGSTKFLT,
    libc::SIGVTALRM, libc::SIGPROF, libc::SIGIO, libc::SIGPWR, libc::SIGKILL,
    34, 35, 36, 37, 38, 39, 40, 41, 42, 43, 44, 45, 46, 47, 48, 49, 50, 51, 52, 53, 54, 55, 56, 57, 58, 59, 60, 61, 62, 63, 64,
];

/// Of them so many are tried, and SIGTERM first.
const TRIED: usize = 4;

fn attack(me: &mut Attacker) -> Result<(), Failed> {
    let victim = me.victim()?;
    let signals = [vec![libc::SIGTERM], me.any_of(&SIGNALS, TRIED)].concat();
    let ways =
        [Attacker::kill, Attacker::tgkill, Attacker::tkill, Attacker::sigqueue, Attacker::sigqueue_to_thread];
    for way in ways {
        match me.with_each(signals.clone(), |me, signal| way(me, victim, signal)) {
            Err(Failed::Refused(_)) => {}
            done => return done,
        }
    }
    // The other way to name a process.
    let process = me.pidfd_of(victim);
    let sent =
        process.and_then(|process| me.with_each(signals, |me, signal| me.pidfd_send_signal(process, signal)));
    match sent {
        Err(failed) if failed.forbids() => {}
        done => return done,
    }
    // Who is told of what a file does need not be who has it open. Whether a signal was permitted this does not tell.
    unless_refused(me.signal_by_pipe(victim))?;
    me.kill(victim, libc::SIGTERM)
}

fn witness(host: &Host) -> Seen {
    match host.victim {
        Ending::Killed(signal) if SIGNALS.contains(&signal) => {
            Seen::Effect(format!("signal {signal} ended a process of the host"))
        }
        _ => Seen::Nothing,
    }
}
