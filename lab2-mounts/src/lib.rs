//! Lab 2: mounts. The container gets file systems of its own.
//!
//! # Layout, in the order in which it happens
//! - [`rootfs`]: the directory becomes a mount with flags of its own.
//! - [`target`]: what the others are mounted on: a place in the rootfs, found without following a link.
//! - [`kernel`]: `/proc` and `/sys`, the kernel's own file systems.
//! - [`dev`]: `/dev`, with a few harmless devices.
//! - [`scratch`]: `/tmp` and `/run`, which end with the container.
//! - [`paths`]: what of `/proc` and `/sys` is made read-only or hidden.
//!
//! What only one step uses stands inside it, and what many use is in [`common::prelude`]: so the lab compiles without
//! a warning whichever of its steps are out.

pub mod dev;
pub mod kernel;
pub mod paths;
pub mod rootfs;
pub mod scratch;
pub mod target;

use common::prelude::*;
use nix::sched::CloneFlags;
use nix::unistd::chdir;
use std::path::Path;

/// Mounts everything below `rootfs`, before it becomes the root: the host's device nodes must still be there
/// to bind.
///
/// `namespaces` are those of this process. In the host's mount namespace each of these mounts would be the
/// host's, and stay: there nothing is mounted.
pub fn mount_file_systems(rootfs: &Path, namespaces: CloneFlags) -> Result<()> {
    if !namespaces.contains(CloneFlags::CLONE_NEWNS) {
        return Ok(());
    }
    rootfs::bind(rootfs)?;
    // Walked once more, the path ends at the mount and no longer at the directory below it. From here on all paths are
    // relative to this one.
    chdir(rootfs).step("bind-rootfs")?;
    rootfs::set_attributes()?;
    // Without this call no place in the rootfs can be found safely.
    target::open(".").step("openat2")?;
    kernel::proc()?;
    kernel::sys()?;
    dev::devices()?;
    scratch::tmp()?;
    scratch::run()?;
    paths::read_only()?;
    paths::masked()
}
