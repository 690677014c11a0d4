//! ptrace-attach: read the memory of a process of the host.

use super::{Attempt, Measured, Need};
use crate::attacker::Failed;
use crate::refusals::Refusal;
use crate::victim::ADDRESS;
use crate::{Attacker, Host, Seen};
use nix::libc;

/// The attempt.
pub const ATTEMPT: Attempt = Attempt {
    id: "ptrace-attach",
    stake: "Whatever a process of the host holds in memory: keys, passwords, other people's data.",
    story: "The attacker attaches to a process of the host as a debugger does, and reads a word from \
            its memory. ptrace(2) could as well write there, and so make the process do anything. It \
            asks for the process by number, and in a PID namespace of its own the container has no \
            numbers for the host's processes.",
    by_hand: &["gdb -p 1234    # a process of the host, as ps shows it there"],
    stopped_by: &["lab1-namespaces/pid-namespace"],
    after: &[],
    man: &["ptrace(2)", "pid_namespaces(7)"],
    letters: Measured { root: "E EBBBBBB", user: "E EBBBBBB", rootless: "E EBBBBBB" },
    needs: &[Need::FreshHost],
    decisive: &[libc::SYS_ptrace, libc::SYS_process_vm_readv],
    attack,
    class: Refusal::Process,
    witness,
};

/// How much of the memory is read, in bytes: more than the word in it.
const LENGTH: usize = 32;

fn attack(me: &mut Attacker) -> Result<(), Failed> {
    let victim = me.victim()?;
    match me.attach(victim) {
        // It goes on when its tracer ends.
        Ok(()) => return me.peek(victim, ADDRESS, LENGTH),
        Err(Failed::Refused(_)) => {}
        failed => return failed,
    }
    // The same right is asked for, and nobody is stopped.
    match me.read_memory(victim, ADDRESS, LENGTH) {
        Err(Failed::Refused(_)) => me.seize(victim).and_then(|()| me.peek(victim, ADDRESS, LENGTH)),
        done => done,
    }
}

fn witness(host: &Host) -> Seen {
    if host.heard_secret("victim-memory") {
        return Seen::Effect("the attacker knows what a process of the host has in its memory".into());
    }
    Seen::Nothing
}
