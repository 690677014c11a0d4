//! shell-pid: ask a shell for its process id.

use super::{Attempt, Measured};
use crate::attacker::{Argument, Failed};
use crate::refusals::Refusal;
use crate::{Attacker, Host, Seen};
use nix::libc;

/// The attempt.
pub const ATTEMPT: Attempt = Attempt {
    id: "shell-pid",
    stake: "Every process of the host: what has a number can be signalled, traced and read.",
    story: "A shell prints its process id, as in the article's `echo $$`. A large number means that the shell is \
            one of the host's processes. A 1 means that it is the first process of a PID namespace of its own, \
            where the host's processes have no numbers at all. The host reads the number from outside, and compares \
            the PID namespace of the shell with its own.",
    by_hand: &["echo $$    # in the shell that the container was started with"],
    stopped_by: &["lab1-namespaces/pid-namespace"],
    after: &[],
    man: &["pid_namespaces(7)", "proc(5)"],
    letters: Measured { root: "E EBBBBBB", user: "E EBBBBBB", rootless: "E EBBBBBB" },
    needs: &[],
    decisive: &[libc::SYS_execve],
    attack,
    class: Refusal::Permission,
    witness,
};

fn attack(me: &mut Attacker) -> Result<(), Failed> {
    let words = Argument::texts(&["sh", "-c", "echo $$"]);
    // It stands still at its first system call: who it is, the kernel tells.
    me.call("execve", libc::SYS_execve, [Argument::text("/bin/sh"), words, Argument::texts(&[])]).map(drop)
}

fn witness(host: &Host) -> Seen {
    let number = host.attacker.nspid.last().copied().unwrap_or_default();
    match host.shares("pid") {
        Some(true) => Seen::Effect(format!("the shell is process {number} in the host's own PID namespace")),
        Some(false) if host.call_succeeded() => {
            Seen::Confined(format!("the shell is process {number} in a PID namespace of the container's own"))
        }
        _ => Seen::Nothing,
    }
}
