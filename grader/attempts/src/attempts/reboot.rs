//! reboot: ask the kernel to restart the machine.

use super::{Attack, Attempt, Measured, Need};
use crate::host::Ending;
use crate::{Host, Inside, Seen};
use nix::errno::Errno;
use nix::libc;
use nix::sys::reboot::{RebootMode, reboot};

/// The attempt.
pub const ATTEMPT: Attempt = Attempt {
    id: "reboot",
    stake: "One call from inside, and every other container on the machine is gone.",
    story: "The attacker calls reboot(2). In the machine's first PID namespace that restarts the machine. In any \
            other the kernel ends that namespace's PID 1 with SIGHUP instead, and tells its parent so: the decoy \
            host lives in one, so a reboot of the host is the death of its PID 1. A container with a PID \
            namespace of its own can only end itself.",
    by_hand: &["reboot -f    # never on a machine that you need"],
    stopped_by: &["lab1-namespaces/pid-namespace"],
    after: &[],
    man: &["reboot(2)", "pid_namespaces(7)"],
    letters: Measured { root: "E EBBBBBB", user: "E EBBBBBB", rootless: "E EBBBBBB" },
    needs: &[Need::FreshHost],
    decisive: &[libc::SYS_reboot],
    attack: Attack::Inside(inside),
    witness,
};

fn inside(me: &mut Inside) -> Result<(), Errno> {
    // Twice checked: the host has compared the namespaces before it asked.
    if me.in_first_pid_namespace() {
        return Err(Errno::EDEADLK);
    }
    me.decisive("reboot(LINUX_REBOOT_CMD_RESTART)");
    let Err(refused) = reboot(RebootMode::RB_AUTOBOOT);
    Err(refused)
}

fn witness(host: &Host) -> Seen {
    if host.pid1 == Ending::Killed(libc::SIGHUP) {
        return Seen::Effect("PID 1 of the host died of SIGHUP: it was rebooted".into());
    }
    if host.container_pid1 == Ending::Killed(libc::SIGHUP) && host.pid1 == Ending::None {
        return Seen::Confined(
            "reboot(2) ended the container's own PID 1; the host's PID 1 was not signalled".into(),
        );
    }
    Seen::Nothing
}
