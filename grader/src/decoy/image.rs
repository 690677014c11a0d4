//! A hostile image: the decoy's root file system with a link in the place of one of its directories. What it was
//! before stands beside it, for whoever wants to know whether a program that refuses the one starts the other.
//!
//! Done while nobody lives in the decoy yet.

use super::layout::ROOTFS;
use crate::beneath::Directory;
use anyhow::{Context, Result};
use nix::sys::stat::SFlag;
use std::io;
use std::path::Path;

/// The root file system as it was.
pub const HONEST: &str = "/srv/honest";

/// What makes an image hostile.
#[derive(Clone, Copy, Debug)]
pub struct Link {
    /// The directory at its top that is a link.
    pub name: &'static str,
    /// Where that leads.
    pub to: &'static str,
}

/// Makes the root file system below `root` the image, and keeps what it was beside it. `give` gives what is made to the
/// decoy's root.
pub fn prepare(root: &Directory, link: &Link, give: &dyn Fn(&Directory) -> io::Result<()>) -> Result<()> {
    let rootfs = root.below(ROOTFS)?;
    // Whoever comes may write in it, as in the /tmp that it stands for.
    let made = rootfs.make_all(Path::new(link.to), 0o1777, give);
    made.with_context(|| format!("making {} in it", link.to))?;
    let honest = root.make(HONEST, rootfs.stat()?.st_mode & 0o7777)?;
    give(&honest)?;
    same_files(&rootfs, &honest, Some(link.name))?;
    if rootfs.entry(link.name).is_ok() {
        rootfs.rename(link.name, &honest, link.name)?;
    }
    rootfs.link(link.name, link.to)?;
    Ok(())
}

/// The same files in directories of its own, but for one name at the top.
fn same_files(from: &Directory, to: &Directory, but: Option<&str>) -> Result<()> {
    for name in from.names()?.into_iter().filter(|name| but.is_none_or(|but| name != but)) {
        let entry = from.entry(&name)?;
        if entry.is(SFlag::S_IFDIR) {
            let made = to.make(&name, entry.stat.st_mode & 0o7777)?;
            made.set_owner(entry.stat.st_uid, entry.stat.st_gid)?;
            same_files(&from.below(&name)?, &made, None)?;
        } else {
            // The link itself, where it is one.
            to.hard_link(&name, &entry).with_context(|| format!("{name:?}"))?;
        }
    }
    Ok(())
}
