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
    decisive: &[
        libc::SYS_ptrace,
        libc::SYS_process_vm_readv,
        libc::SYS_process_vm_writev,
        libc::SYS_mount,
        libc::SYS_openat,
        libc::SYS_pread64,
    ],
    attack,
    class: Refusal::Process,
    witness,
};

/// In the same page, where nothing is.
const SPARE: usize = ADDRESS + 2048;

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
        Err(Failed::Refused(_)) => {}
        done => return done,
    }
    // Who may write there may do anything.
    match me.write_memory(victim, SPARE, me.mark().as_bytes()) {
        Err(Failed::Refused(_)) => {}
        done => return done,
    }
    match me.seize(victim).and_then(|()| me.peek(victim, ADDRESS, LENGTH)) {
        Err(failed) if failed.forbids() => {}
        done => return done,
    }
    me.through_procfs(victim, |me, process| me.take_memory_file(&format!("{process}/mem"), ADDRESS, LENGTH))
}

fn witness(host: &Host) -> Seen {
    if host.heard_secret("victim-memory") {
        return Seen::Effect("the attacker knows what a process of the host has in its memory".into());
    }
    // More than a filter that makes no call can return (SECCOMP_RET_ERRNO, seccomp(2)).
    let written = host.call == Some(Some(host.mark.len() as i64));
    if written && host.shares("pid") == Some(true) {
        return Seen::Effect("the attacker has written to the memory of a process of the host".into());
    }
    Seen::Nothing
}
