//! sysfs-write: open a setting of the kernel's memory management for writing.

use super::{Attempt, Measured};
use crate::attacker::Failed;
use crate::refusals::Refusal;
use crate::{Attacker, Host, Seen};
use nix::libc;

/// Below a sysfs.
const SETTING: &str = "kernel/mm/transparent_hugepage/enabled";

/// The attempt.
pub const ATTEMPT: Attempt = Attempt {
    id: "sysfs-write",
    stake: "The kernel's settings and the machine's devices: whoever writes to /sys tunes or unplugs them for all.",
    story: "sysfs shows the kernel's own objects as files, and a write to one acts on the whole machine: it \
            unbinds a driver, takes a processor offline, or changes how memory is managed for everybody. The \
            attacker opens one such file for writing and writes nothing; where there is no sysfs it mounts one. \
            The host looks for the open descriptor. In a container /sys is mounted read-only (EROFS).",
    by_hand: &[
        "[ -e /sys/kernel ] || mount -t sysfs sysfs /sys",
        "exec 3>> /sys/kernel/mm/transparent_hugepage/enabled    # writes nothing: that it opens is enough",
    ],
    stopped_by: &["lab2-mounts/sys"],
    after: &[],
    man: &["sysfs(5)", "mount(2)"],
    letters: Measured { root: "E EEBBBBB", user: "I IIIIIII", rootless: "I IIIIIII" },
    needs: &[],
    decisive: &[libc::SYS_openat, libc::SYS_mount],
    attack,
    class: Refusal::Mask,
    witness,
};

fn attack(me: &mut Attacker) -> Result<(), Failed> {
    let path = format!("{}/{SETTING}", me.sysfs()?);
    // It stays open: the host looks for it.
    me.open_kernel_file(&path, libc::O_WRONLY).map(drop)
}

fn witness(host: &Host) -> Seen {
    match host.attacker.writes_to(libc::SYSFS_MAGIC, SETTING) {
        Some(path) => Seen::Effect(format!("the attacker holds {path} open for writing, on a sysfs")),
        None => Seen::Nothing,
    }
}
