//! Lab 2: mounts. The container gets file systems of its own.
//!
//! # Layout, in the order in which it happens
//! - [`rootfs`]: the directory becomes a mount with flags of its own.
//! - [`target`]: what the others are mounted on: a place in the rootfs, found without following a link.
//! - [`kernel`]: `/proc` and `/sys`, the kernel's own file systems.
//! - [`dev`]: `/dev`, with a few harmless devices.
//! - [`scratch`]: `/tmp` and `/run`, which end with the container.
//! - [`paths`]: what of `/proc` and `/sys` is made read-only or hidden.

pub mod dev;
pub mod kernel;
pub mod paths;
pub mod rootfs;
pub mod scratch;
pub mod target;

use common::Result;
use nix::sched::CloneFlags;
use std::path::Path;

/// Mounts everything below `rootfs`, before it becomes the root: the host's device nodes must still be there
/// to bind. All paths are relative to the directory that [`rootfs::bind`] changes to.
///
/// `flags` are the namespaces of this process. In the host's mount namespace each of these mounts would be the
/// host's, and stay: there nothing is mounted.
pub fn mounts(rootfs: &Path, flags: CloneFlags) -> Result<()> {
    if !flags.contains(CloneFlags::CLONE_NEWNS) {
        return Ok(());
    }
    rootfs::bind(rootfs)?;
    kernel::proc()?;
    kernel::sys()?;
    dev::devices()?;
    scratch::tmp()?;
    scratch::run()?;
    paths::read_only()?;
    paths::masked()
}
