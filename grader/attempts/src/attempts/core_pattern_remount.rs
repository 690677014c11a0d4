//! core-pattern-remount: the same, after undoing what makes it read-only.

use super::core_pattern::{CORE_PATTERN, witness};
use super::{Attempt, Measured, Need};
use crate::Attacker;
use crate::attacker::{Failed, unless_refused};
use crate::refusals::Refusal;
use nix::libc;

/// The attempt.
pub const ATTEMPT: Attempt = Attempt {
    id: "core-pattern-remount",
    stake: "Root on the host, once more: a read-only mount holds only against those who may not mount.",
    story: "The attacker undoes the read-only /proc/sys in three ways: it remounts it writable, it unmounts what \
            lies there, and it mounts a second procfs that has no such mount upon it. After each it opens \
            core_pattern for writing, and writes nothing. All three need CAP_SYS_ADMIN in \
            the container's mount namespace, which root in a container has until it is taken away (EPERM).",
    by_hand: &["mount -o remount,bind,rw /proc/sys", "exec 3<> /proc/sys/kernel/core_pattern"],
    stopped_by: &["lab4-capabilities/bounding-set", "lab4-capabilities/capability-sets"],
    after: &["core-pattern"],
    man: &["mount(2)", "umount(2)", "core(5)", "capabilities(7)"],
    letters: Measured { root: "E EEEEBBB", user: "I IIIIIII", rootless: "I IIIIIII" },
    needs: &[Need::FreshHost],
    decisive: &[libc::SYS_openat, libc::SYS_umount2, libc::SYS_mount],
    attack,
    class: Refusal::Mask,
    witness,
};

fn attack(me: &mut Attacker) -> Result<(), Failed> {
    // Where none can be mounted, there may still be one to remount.
    let procfs = unless_refused(me.procfs())?.unwrap_or_else(|| "/proc".into());
    let (sys, file) = (format!("{procfs}/sys"), format!("{procfs}/{CORE_PATTERN}"));
    for undo in [Attacker::remount_writable, Attacker::unmask] {
        unless_refused(undo(me, &sys))?;
        let opened = unless_refused(me.open_kernel_file(&file, libc::O_RDWR))?;
        if opened.is_some() && me.has_kernel_file() {
            return Ok(());
        }
    }
    let second = me.new_procfs()?;
    me.open_kernel_file(&format!("{second}/{CORE_PATTERN}"), libc::O_RDWR).map(drop)
}
