//! A mount that a decoy host makes while a container runs, below the directory that the container was made from.

use super::Decoy;
use super::layout::ROOTFS;
use super::messages::{FromPid1, ToPid1};
use crate::beneath::Directory;
use anyhow::{Context, Result, bail};
use nix::mount::{MntFlags, MsFlags, mount, umount2};
use std::path::Path;

impl Decoy {
    /// Makes the mount of this name, an empty file system with the name for its source, or takes it away again.
    ///
    /// # Errors
    /// Its PID 1 is dead, does not answer, or can't do it.
    pub fn mount_later(&self, name: &str, there: bool) -> Result<()> {
        self.channel.send(&ToPid1::MountLater { name: name.into(), there }, &[])?;
        match self.answer()? {
            Some((FromPid1::Mounted, _)) => Ok(()),
            Some((FromPid1::Failed(why), _)) => bail!("{why}"),
            _ => bail!("the decoy host's PID 1 died"),
        }
    }
}

/// In PID 1: does it.
pub fn mount_later(name: &str, there: bool) -> Result<()> {
    let rootfs = Directory::open(Path::new("/"))?.below(ROOTFS)?;
    if !there {
        let place = rootfs.below(name).context("the place of the mount")?;
        umount2(&place.path(), MntFlags::MNT_DETACH).context("umount2(2)")?;
        drop(place);
        return rootfs.remove(name).context("rmdir(2)");
    }
    let place = rootfs.make(name, 0o755).context("mkdir(2)")?;
    let flags = MsFlags::MS_NOSUID | MsFlags::MS_NODEV | MsFlags::MS_NOEXEC;
    mount(Some(name), &place.path(), Some("tmpfs"), flags, Some("mode=755,size=4k")).context("mount(2)")
}
