//! fork-bomb: make processes until the machine has no more to give.

use super::{Attack, Attempt, Measured, Need};
use crate::{Host, Inside, Seen};
use nix::errno::Errno;
use nix::libc;
use nix::unistd::{ForkResult, fork};

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
    decisive: &[libc::SYS_clone],
    attack: Attack::Inside(inside),
    witness,
};

/// How many children there are to be, and how many the host must count to call them too many.
const CHILDREN: usize = 300;
const MANY: usize = 250;

fn inside(me: &mut Inside) -> Result<(), Errno> {
    me.decisive(&format!("fork(), {CHILDREN} times"));
    for _ in 0..CHILDREN {
        // SAFETY: this process has one thread, and the child makes two system calls.
        if let ForkResult::Child = unsafe { fork() }? {
            // SAFETY: two calls without pointers. The children end with their parent.
            unsafe {
                libc::prctl(libc::PR_SET_PDEATHSIG, libc::SIGKILL);
                loop {
                    libc::pause();
                }
            }
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
