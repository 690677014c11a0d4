//! The root itself: pivot_root(2), and nothing of the host's tree left behind it.
//!
//! chroot(2) only moves a name: the old tree is still mounted, and a second chroot walks out.

use common::prelude::*;
use nix::fcntl::{AT_FDCWD, OFlag, OpenHow, ResolveFlag, openat2};
use nix::sched::CloneFlags;
use nix::unistd::chdir;
use std::path::Path;

/// Makes `rootfs` the root of this mount namespace. It must be a mount point: see lab 2, [`lab2_mounts::rootfs`].
///
/// `namespaces` are those of this process.
pub fn pivot_root_to(rootfs: &Path, namespaces: CloneFlags) -> Result<()> {
    chdir(rootfs).step("chdir")?;

    // In the host's mount namespace it would be the host's root that is exchanged.
    if namespaces.contains(CloneFlags::CLONE_NEWNS) {
        // step: pivot-root
        use nix::mount::{MntFlags, umount2};
        use nix::unistd::pivot_root;
        // No directory is needed for the old root: it now lies on top of the new one, at "." (pivot_root(2), NOTES).
        let exchanged = pivot_root(".", ".");
        if exchanged.or_without("pivot_root(2)", "the host's tree is covered, not gone").step("pivot-root")? {
            umount2(".", MntFlags::MNT_DETACH).step("pivot-root")?;
        } else {
            // The root of an initramfs can't be exchanged (pivot_root(2), NOTES). So switch_root(8) moves the new root over it,
            // and what follows makes it the root of this process.
            mount(Some("."), "/", NONE, MsFlags::MS_MOVE, NONE).step("pivot-root")?;
        }
        // end step
    }

    // Lab 0's way. After a pivot it changes nothing; without one it is all there is.
    nix::unistd::chroot(".").step("chroot")?;
    chdir("/").step("chdir")?;
    nothing_above().step("pivot-root")
}

/// `/..` is `/`, unless something is mounted over the root: from there `..` leads up to it, and it is not the
/// container's. RESOLVE_NO_XDEV goes over to no other mount: EXDEV (openat2(2)).
fn nothing_above() -> nix::Result<()> {
    let how = OpenHow::new().flags(OFlag::O_PATH | OFlag::O_CLOEXEC).resolve(ResolveFlag::RESOLVE_NO_XDEV);
    openat2(AT_FDCWD, "/..", how).map(drop)
}
