//! reboot: ask the kernel to restart the machine.

use super::{Attempt, Measured, Need};
use crate::attacker::{Argument, Failed};
use crate::host::Ending;
use crate::refusals::Refusal;
use crate::{Attacker, Host, Seen};
use nix::libc;

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
    attack,
    class: Refusal::Permission,
    witness,
};

/// In the order of a restart, a restart with a word for the firmware, a halt, and switching off (reboot(2)).
const WAYS: [i32; 4] = [
    libc::LINUX_REBOOT_CMD_RESTART,
    libc::LINUX_REBOOT_CMD_RESTART2,
    libc::LINUX_REBOOT_CMD_HALT,
    libc::LINUX_REBOOT_CMD_POWER_OFF,
];

/// Any of these is good (reboot(2)).
const SECOND: [i32; 4] = [
    libc::LINUX_REBOOT_MAGIC2,
    libc::LINUX_REBOOT_MAGIC2A,
    libc::LINUX_REBOOT_MAGIC2B,
    libc::LINUX_REBOOT_MAGIC2C,
];

/// The host has compared the PID namespaces when it had seized the attacker.
fn attack(me: &mut Attacker) -> Result<(), Failed> {
    let mut refused = Ok(());
    for way in WAYS {
        for second in SECOND {
            let numbers = [libc::LINUX_REBOOT_MAGIC1, second, way];
            let [one, two, way] = numbers.map(Argument::from);
            match me.call("reboot", libc::SYS_reboot, [one, two, way, Argument::text("")]) {
                Err(Failed::Refused(errno)) => refused = Err(errno.into()),
                done => return done.map(drop),
            }
        }
    }
    refused
}

fn witness(host: &Host) -> Seen {
    // SIGINT where the machine was to stop, and not to start again.
    let is_reboot = |ending| matches!(ending, Ending::Killed(libc::SIGHUP | libc::SIGINT));
    if is_reboot(host.pid1) {
        return Seen::Effect("PID 1 of the host died of SIGHUP: it was rebooted".into());
    }
    if is_reboot(host.container_pid1) && host.pid1 == Ending::None {
        return Seen::Confined(
            "reboot(2) ended the container's own PID 1; the host's PID 1 was not signalled".into(),
        );
    }
    Seen::Nothing
}
