//! fork-bomb: make processes until the machine has no more to give.

use super::{Attempt, Measured, Need};
use crate::attacker::Failed;
use crate::attacker::children::FORKS;
use crate::refusals::Refusal;
use crate::{Attacker, Host, Seen};

/// The attempt.
pub const ATTEMPT: Attempt = Attempt {
    id: "fork-bomb",
    stake: "Every process number of the machine: when they are used up, nobody can start anything, not even `kill`.",
    story: "The attacker forks 300 children that do nothing but stay. The real thing forks without end, and each \
            child forks as well. No namespace helps: in a PID namespace the numbers are other ones, but each \
            process also has one of the host's. A control group with `pids.max` counts the processes of the whole \
            container, and the fork that is one too many fails with EAGAIN. The host counts how many there are.",
    by_hand: &[
        "[ -e /dev/null ] || touch /dev/null",
        "for i in $(seq 300); do sleep 9 & done; wait    # `Cannot fork`: blocked",
    ],
    stopped_by: &["lab6-cgroups/pids"],
    after: &[],
    man: &["fork(2)", "cgroups(7)"],
    letters: Measured { root: "E EEEEEEB", user: "E EEEEEEB", rootless: "I IIIIIII" },
    needs: &[Need::FreshHost, Need::Limits],
    decisive: FORKS,
    attack,
    class: Refusal::Processes,
    witness,
};

/// How many children there are to be, and how many the host must count to call them too many.
const CHILDREN: usize = 300;
const MANY: usize = 250;

fn attack(me: &mut Attacker) -> Result<(), Failed> {
    for _ in 0..CHILDREN {
        let refused = match me.clone(0) {
            Err(failed @ Failed::Refused(_)) => failed,
            done => {
                done?;
                continue;
            }
        };
        match me.fork() {
            // The last way, where none of them may be called.
            Err(failed) if refused.forbids() && failed.forbids() && cfg!(target_arch = "x86_64") => {
                me.vfork()?
            }
            done => drop(done?),
        }
    }
    Ok(())
}

fn witness(host: &Host) -> Seen {
    // Where nothing counts processes, no container could have limited them.
    if host.group.1.counts_processes && host.processes >= MANY {
        return Seen::Effect(format!("there are {} processes on the host", host.processes));
    }
    Seen::Nothing
}
