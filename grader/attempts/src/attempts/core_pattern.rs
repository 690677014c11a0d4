//! core-pattern: open for writing what tells the kernel which program handles a crash.

use super::{Attempt, Measured};
use crate::attacker::Failed;
use crate::refusals::Refusal;
use crate::{Attacker, Host, Seen};
use nix::libc;

/// Below a procfs.
pub(super) const CORE_PATTERN: &str = "sys/kernel/core_pattern";

/// The attempt.
pub const ATTEMPT: Attempt = Attempt {
    id: "core-pattern",
    stake: "Root on the host: core_pattern names a program that the kernel itself starts at the next crash.",
    story: "A core_pattern that begins with a | is a command, and the kernel runs it outside of every container, as \
            root, whenever any process crashes. The file belongs to no namespace: there is one for the whole \
            machine. The attacker opens it for writing and writes nothing, so that nothing changes; where \
            there is no procfs it mounts one. The host looks for the open descriptor. A container \
            has a /proc of its own, and in it /proc/sys is bound onto itself and made read-only (EROFS).",
    by_hand: &[
        "[ -e /proc/self ] || mount -t proc proc /proc",
        "exec 3<> /proc/sys/kernel/core_pattern    # writes nothing: that it opens is enough",
    ],
    stopped_by: &["lab2-mounts/proc", "lab2-mounts/read-only-paths"],
    after: &[],
    man: &["core(5)", "proc(5)", "mount(2)"],
    letters: Measured { root: "E EEBBBBB", user: "I IIIIIII", rootless: "I IIIIIII" },
    needs: &[],
    decisive: &[libc::SYS_openat, libc::SYS_mount],
    attack,
    class: Refusal::Mask,
    witness,
};

fn attack(me: &mut Attacker) -> Result<(), Failed> {
    let path = format!("{}/{CORE_PATTERN}", me.procfs()?);
    // It stays open: the host looks for it.
    me.open_kernel_file(&path, libc::O_RDWR).map(drop)
}

pub(super) fn witness(host: &Host) -> Seen {
    match host.attacker.writes_to(libc::PROC_SUPER_MAGIC, CORE_PATTERN) {
        Some(path) => Seen::Effect(format!("the attacker holds {path} open for writing, on a procfs")),
        None => Seen::Nothing,
    }
}
