//! shell-pid: ask a shell for its process id.

use super::{Attack, Attempt, Measured};
use crate::{Host, Inside, Seen};
use nix::errno::Errno;
use nix::libc;

/// The attempt.
pub const ATTEMPT: Attempt = Attempt {
    id: "shell-pid",
    stake: "Every process of the host: what has a number can be signalled, traced and read.",
    story: "A shell prints its process id, as in the article's `echo $$`. A large number means that the shell is \
            one of the host's processes. A 1 means that it is the first process of a PID namespace of its own, \
            where the host's processes have no numbers at all. The host does not believe the number: it compares \
            the PID namespace of the shell with its own.",
    by_hand: &["echo $$    # in the shell that the container was started with"],
    stopped_by: &["lab1-namespaces/pid-namespace"],
    after: &[],
    man: &["pid_namespaces(7)", "proc(5)"],
    letters: Measured { root: "E EBBBBBB", user: "E EBBBBBB", rootless: "E EBBBBBB" },
    needs: &[],
    decisive: &[libc::SYS_execve],
    attack: Attack::Inside(inside),
    witness,
};

fn inside(me: &mut Inside) -> Result<(), Errno> {
    me.become_shell("echo $$")
}

fn witness(host: &Host) -> Seen {
    let number = host.attacker.nspid.last().copied().unwrap_or_default();
    match host.shares("pid") {
        Some(true) => Seen::Effect(format!("the shell is process {number} in the host's own PID namespace")),
        Some(false) => {
            Seen::Confined(format!("the shell is process {number} in a PID namespace of the container's own"))
        }
        None => Seen::Nothing,
    }
}
