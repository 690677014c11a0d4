//! What a decoy of the user kind needs so that its root may do what root may do on a real host.
//!
//! Its mounts belong to its user namespace, and there the kernel asks for more (mount_namespaces(7)):
//!
//! - A procfs or sysfs is mounted only by who has one in its mount namespace already, with nothing over it. A container that has
//!   put its old root away has none. So there is one of each below the root of the decoy, on a file system that the root
//!   covers as a real one covers the initramfs: no path leads there, it is in every copy of the mount namespace, and no
//!   umount2(2) of the old root takes it along. Its PID namespace is none's: who comes there sees no process.
//! - A mount from outside is locked in its place, and a directory that has one below it is not bound without it (EINVAL). So
//!   outside the machine's directories and devices are mounted at a place of their own, which locks their flags and them, and in PID 1
//!   they are bound from there.
//!
//! A container with a user namespace of its own finds what it finds on a real host: for it all of these are locked. What lies over a
//! part of the hidden procfs and sysfs is not, in the decoy's own namespace, and so hides nothing there; in another one it does.

use super::tree::{MACHINE_DIRECTORIES, MACHINE_FILES};
use anyhow::{Context, Result, bail};
use nix::libc;
use nix::mount::{MntFlags, MsFlags, mount, umount2};
use nix::sched::{CloneFlags, clone};
use nix::sys::wait::{WaitStatus, waitpid};
use nix::unistd::{chdir, chroot, pivot_root};
use std::fs;
use std::path::Path;

const NONE: Option<&str> = None;

/// The kernel's file systems, and a directory in each that is never empty: what is mounted over one that is hides nothing
/// (`mnt_already_visible` in fs/namespace.c).
const HIDDEN: [(&str, &str); 2] = [("proc", "sys"), ("sysfs", "devices")];

/// Where the machine's directories and devices are mounted outside, beside the decoy's tree.
pub const MACHINE: &str = "../machine";

/// In PID 1, whose working directory is the decoy's tree: binds what is mounted there to where it belongs.
///
/// # Errors
/// Here and below: what the system said.
pub fn bind_machine() -> Result<()> {
    for name in MACHINE_DIRECTORIES.into_iter().chain(MACHINE_FILES) {
        let from = Path::new(MACHINE).join(name);
        if fs::symlink_metadata(&from).is_ok() {
            mount(Some(&from), name, NONE, MsFlags::MS_BIND | MsFlags::MS_REC, NONE)
                .with_context(|| format!("binding /{name}"))?;
        }
    }
    Ok(())
}

/// In PID 1, whose working directory is the top of a mount with the decoy's tree: makes that the root directory, over
/// another one that holds the hidden file systems.
pub fn enter() -> Result<()> {
    let below = Path::new("..");
    // From now on it is that which lies above the working directory.
    mount(Some("rootfs"), below, Some("tmpfs"), MsFlags::empty(), Some("mode=755,size=64k"))
        .context("mounting what lies below the root")?;
    for (kind, covered) in HIDDEN {
        let place = below.join(kind);
        fs::create_dir(&place)?;
        match in_a_pid_namespace_that_ends(|| mount_kernel(kind, &place)) {
            // A machine that hides some of its own, as a container does: there nobody mounts a new one.
            Err(_) if kind == "sysfs" => continue,
            mounted => mounted?,
        }
        mount(Some("cover"), &place.join(covered), Some("tmpfs"), MsFlags::MS_RDONLY, Some("size=4k"))
            .with_context(|| format!("covering {covered}"))?;
    }
    let root = below.join("root");
    fs::create_dir(&root)?;
    mount(Some("."), &root, NONE, MsFlags::MS_MOVE, NONE).context("moving the tree")?;
    chdir("..")?;
    pivot_root(".", ".").context("pivot_root(2)")?;
    umount2(".", MntFlags::MNT_DETACH).context("detaching the machine's tree")?;
    // As switch_root(8) puts a root over an initramfs.
    chdir("/root")?;
    mount(Some("."), "/", NONE, MsFlags::MS_MOVE, NONE).context("moving the root")?;
    chroot(".").context("chroot(2)")?;
    chdir("/").context("chdir(2)")
}

fn mount_kernel(kind: &str, place: &Path) -> nix::Result<()> {
    let careful = MsFlags::MS_NOSUID | MsFlags::MS_NODEV | MsFlags::MS_NOEXEC;
    mount(Some(kind), place, Some(kind), careful, NONE)
}

/// Does something as PID 1 of a namespace that ends with it.
fn in_a_pid_namespace_that_ends(act: impl Fn() -> nix::Result<()>) -> Result<()> {
    let mut stack = vec![0; 64 << 10];
    let child = || act().map_or_else(|errno| errno as isize, |()| 0);
    // SAFETY: this process has one thread, and without CLONE_VM the child has a copy of its memory.
    let child = unsafe {
        clone(Box::new(child), &mut stack, CloneFlags::CLONE_NEWPID, Some(libc::SIGCHLD))
            .context("clone(2)")?
    };
    match waitpid(child, None)? {
        WaitStatus::Exited(_, 0) => Ok(()),
        WaitStatus::Exited(_, errno) => {
            Err(nix::errno::Errno::from_raw(errno)).context("mounting a hidden one")
        }
        other => bail!("mounting a hidden file system: {other:?}"),
    }
}
