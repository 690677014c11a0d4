//! A hostile image: the decoy's root file system with a link in the place of one of its directories. What it was
//! before stands beside it, for whoever wants to know whether a program that refuses the one starts the other.
//!
//! Done while nobody lives in the decoy yet.

use super::tree::ROOTFS;
use anyhow::{Context, Result};
use nix::errno::Errno;
use nix::fcntl::{OFlag, OpenHow, ResolveFlag, open, openat2};
use nix::sys::stat::{Mode, fchmod, mkdirat};
use std::fs::{self, DirBuilder, Permissions};
use std::os::unix::fs::{DirBuilderExt, PermissionsExt, symlink};
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

/// Makes the root file system below `root` the image, and keeps what it was beside it.
pub fn prepare(root: &Path, link: &Link) -> Result<()> {
    let (rootfs, honest) = (root.join(&ROOTFS[1..]), root.join(&HONEST[1..]));
    make_directories(&rootfs, link.to).with_context(|| format!("making {} in it", link.to))?;
    copy(&rootfs, &honest, Some(link.name))?;
    let (name, kept) = (rootfs.join(link.name), honest.join(link.name));
    if fs::symlink_metadata(&name).is_ok() {
        fs::rename(&name, kept)?;
    }
    symlink(link.to, name)?;
    Ok(())
}

/// Makes the directories of an absolute path in the root file system. A link on the way is an error: it may lead out.
fn make_directories(rootfs: &Path, path: &str) -> Result<()> {
    let flags = OFlag::O_RDONLY | OFlag::O_DIRECTORY | OFlag::O_NOFOLLOW | OFlag::O_CLOEXEC;
    let mut directory = open(rootfs, flags, Mode::empty())?;
    for name in path.split('/').filter(|name| !name.is_empty()) {
        let made = mkdirat(&directory, name, Mode::from_bits_truncate(0o755));
        let resolve = ResolveFlag::RESOLVE_BENEATH | ResolveFlag::RESOLVE_NO_SYMLINKS;
        directory = openat2(&directory, name, OpenHow::new().flags(flags).resolve(resolve))?;
        match made {
            // Whoever comes may write in it, as in the /tmp that it stands for.
            Ok(()) => fchmod(&directory, Mode::from_bits_truncate(0o1777))?,
            Err(Errno::EEXIST) => {}
            Err(errno) => return Err(errno.into()),
        }
    }
    Ok(())
}

/// The same files in directories of its own, but for one name at the top.
fn copy(from: &Path, to: &Path, but: Option<&str>) -> Result<()> {
    let mode = fs::symlink_metadata(from)?.permissions().mode() & 0o7777;
    DirBuilder::new().mode(0o700).create(to).with_context(|| to.display().to_string())?;
    for entry in fs::read_dir(from).with_context(|| from.display().to_string())? {
        let entry = entry?;
        let (from, to) = (entry.path(), to.join(entry.file_name()));
        if but.is_some_and(|but| entry.file_name() == but) {
            continue;
        }
        if entry.file_type()?.is_dir() {
            copy(&from, &to, None)?;
        } else {
            // The link itself, where it is one.
            fs::hard_link(&from, &to).with_context(|| from.display().to_string())?;
        }
    }
    fs::set_permissions(to, Permissions::from_mode(mode))?;
    Ok(())
}
