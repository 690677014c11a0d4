//! A procfs for the attacker: the one at /proc, or one that it mounts itself.

use super::devtmpfs;
use nix::errno::Errno;
use nix::mount::{MsFlags, mount};
use nix::sys::statfs::{FsType, PROC_SUPER_MAGIC, statfs};
use std::fs;

/// Where a procfs is: at /proc if that is one, else on a directory made for it. Nothing is remounted.
pub fn procfs() -> Result<&'static str, Errno> {
    if is("/proc", PROC_SUPER_MAGIC) { Ok("/proc") } else { new_procfs() }
}

/// Mounts a procfs of its own, which no mask or read-only mount lies upon.
pub fn new_procfs() -> Result<&'static str, Errno> {
    mounted("proc", &["/tmp/procfs", "/run/procfs", "/procfs", "/proc"])
}

/// Whether a file system of this type is there (statfs(2)).
pub(super) fn is(path: &str, kind: FsType) -> bool {
    statfs(path).is_ok_and(|found| found.filesystem_type() == kind)
}

/// Mounts a file system on the first of these directories that is there or can be made. The errno is that of
/// the last mount(2): in a rootfs that is read-only, or has no /tmp, the others will do.
pub(super) fn mounted(kind: &'static str, places: &[&'static str]) -> Result<&'static str, Errno> {
    let mut refused = Errno::ENOENT;
    for place in places {
        if !devtmpfs::holds(place) {
            let _ = fs::create_dir(place);
        }
        // A user namespace may not leave out flags that its other mounts have (mount_namespaces(7)).
        let careful = MsFlags::MS_NOSUID | MsFlags::MS_NODEV | MsFlags::MS_NOEXEC;
        match mount(Some(kind), *place, Some(kind), careful, None::<&str>) {
            Ok(()) => return Ok(place),
            Err(Errno::ENOENT) => {}
            Err(errno) => refused = errno,
        }
    }
    Err(refused)
}
