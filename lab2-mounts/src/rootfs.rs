//! The directory becomes a mount, so that it can have flags of its own.

use common::prelude::*;
use nix::errno::Errno;
use nix::libc;
use nix::sys::statvfs::statvfs;
use std::path::Path;

/// Binds `rootfs` onto itself, with what is mounted below it.
pub fn bind(rootfs: &Path) -> Result<()> {
    mount(Some(rootfs), rootfs, NONE, MsFlags::MS_BIND | MsFlags::MS_REC, NONE).step("bind-rootfs")
}

/// Sets the flags of the mount at the working directory, before anything else is mounted, and recursively: `nodev` and
/// `nosuid` cover one mount only, and a volume below the rootfs is another one.
pub fn set_attributes() -> Result<()> {
    let attributes = 0;
    // step: nodev
    // A device node in the rootfs, or made in it, can't be opened (mount(2), MS_NODEV).
    let attributes = attributes | libc::MOUNT_ATTR_NODEV;
    // end step
    // step: nosuid
    // A set-user-ID program gives nothing (mount(2), MS_NOSUID).
    let attributes = attributes | libc::MOUNT_ATTR_NOSUID;
    // end step
    let all = mount_setattr(attributes);
    if !all.or_without("mount_setattr(2)", "nodev and nosuid are not set on volumes").step("bind-rootfs")? {
        set_attributes_of_one(attributes).step("bind-rootfs")?;
    }
    Ok(())
}

/// The older way, which changes one mount and no other. It must name the flags that are there already; they have the
/// numbers of the attributes.
fn set_attributes_of_one(attributes: u64) -> nix::Result<()> {
    let kept = MsFlags::MS_RDONLY | MsFlags::MS_NOSUID | MsFlags::MS_NODEV | MsFlags::MS_NOEXEC;
    let flags = statvfs(".")?.flags().bits() | attributes;
    let flags = MsFlags::from_bits_truncate(flags) & kept;
    mount(NONE, ".", NONE, MsFlags::MS_REMOUNT | MsFlags::MS_BIND | flags, NONE)
}

/// mount_setattr(2) with AT_RECURSIVE: sets the attributes on the mount of the working directory and all mounts
/// below it.
fn mount_setattr(attributes: u64) -> nix::Result<()> {
    let change = libc::mount_attr { attr_set: attributes, attr_clr: 0, propagation: 0, userns_fd: 0 };
    // SAFETY: the path ends in NUL, the structure has the size that is given, and both outlive the call.
    let answer = unsafe {
        libc::syscall(
            libc::SYS_mount_setattr,
            libc::AT_FDCWD,
            c".".as_ptr(),
            libc::AT_RECURSIVE,
            &change,
            size_of_val(&change),
        )
    };
    Errno::result(answer).map(drop)
}
