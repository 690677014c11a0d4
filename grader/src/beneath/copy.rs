//! Copies trees from one directory descriptor to another: directories, regular files and symbolic links.
//!
//! Each entry is opened once (O_PATH, O_NOFOLLOW), looked at by its descriptor and read through it: what is exchanged
//! between the look and the copy changes nothing. Pipes, devices and sockets are never opened, and left out.

use super::{Directory, Entry, same_mount};
use anyhow::{Context, Result, bail, ensure};
use nix::errno::Errno;
use nix::fcntl::OFlag;
use nix::sys::stat::{Mode, SFlag};
use std::fs::{File, Permissions};
use std::io::{self, Read};
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;

/// Directories that lie deeper are no part of anything that is graded.
const MAX_DEPTH: usize = 100;

/// How a tree is copied.
pub struct Copy<'a> {
    /// The bytes that may be copied. They are counted while they are read: a file may grow.
    pub left: u64,
    /// Whether directories whose names begin with a dot are left out: `.git`, `.ssh`.
    pub without_dot_directories: bool,
    /// The owner that a copy gets, of the owner of what is copied. None: the copies are the caller's.
    pub owner: Option<&'a dyn Fn(u32, u32) -> (u32, u32)>,
    /// The owner where the system has no such id.
    pub root: (u32, u32),
}

impl Copy<'_> {
    /// Copies an entry to a name in `to`. A directory may be there already.
    ///
    /// # Errors
    /// What could not be copied, and why: the message begins with its path below the entry.
    pub fn entry(&mut self, from: &Entry, to: &Directory, name: &Path) -> Result<()> {
        self.deep(from, to, name, 0)
    }

    fn deep(&mut self, from: &Entry, to: &Directory, name: &Path, depth: usize) -> Result<()> {
        if from.is(SFlag::S_IFLNK) {
            let made = to.link(name, from.target()?).map_err(in_words)?;
            self.own(from, |uid, gid| made.set_owner(uid, gid))
        } else if from.is(SFlag::S_IFREG) {
            let made = to.create(name, 0o600).map_err(in_words)?;
            self.bytes(&from.read()?, &made)?;
            let entry = to.entry(name)?;
            self.own(from, |uid, gid| entry.set_owner(uid, gid))?;
            // chown(2) takes the set-user-ID bit off.
            Ok(made.set_permissions(Permissions::from_mode(from.stat.st_mode & 0o7777))?)
        } else if from.is(SFlag::S_IFDIR) {
            self.directory(from, to, name, depth)
        } else {
            Ok(())
        }
    }

    fn directory(&mut self, from: &Entry, to: &Directory, name: &Path, depth: usize) -> Result<()> {
        ensure!(depth < MAX_DEPTH, "directories are nested more than {MAX_DEPTH} deep");
        let (made, is_new) = match to.make(name, 0o700) {
            Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {
                let found = to.directory(name, same_mount());
                (found.map_err(|_| error).map_err(in_words)?, false)
            }
            made => (made.map_err(in_words)?, true),
        };
        let source = from.directory()?;
        for inner in source.names()? {
            let is_dotted = inner.as_bytes().starts_with(b".");
            let copied = match source.within(Path::new(&inner)) {
                // It has gone meanwhile.
                Err(Errno::ENOENT) => Ok(()),
                Err(Errno::EXDEV) => self.mount_point(&source.entry(&inner)?, &made, Path::new(&inner)),
                Err(errno) => Err(errno.into()),
                Ok(it) if is_dotted && self.without_dot_directories && it.is(SFlag::S_IFDIR) => Ok(()),
                Ok(it) => self.deep(&it, &made, Path::new(&inner), depth + 1),
            };
            copied.with_context(|| Path::new(&inner).display().to_string())?;
        }
        if is_new {
            self.own(from, |uid, gid| made.set_owner(uid, gid))?;
            made.set_mode(from.stat.st_mode & 0o7777)?;
        }
        Ok(())
    }

    /// What is mounted somewhere is no part of the tree: an empty directory stands for it.
    fn mount_point(&self, from: &Entry, to: &Directory, name: &Path) -> Result<()> {
        if from.is(SFlag::S_IFDIR) {
            let made = to.make(name, 0o755).map_err(in_words)?;
            self.own(from, |uid, gid| made.set_owner(uid, gid))?;
        }
        Ok(())
    }

    /// Copies a file's bytes, and no more than are left.
    fn bytes(&mut self, from: &File, mut to: &File) -> Result<()> {
        let copied = io::copy(&mut from.take(self.left.saturating_add(1)), &mut to)?;
        match self.left.checked_sub(copied) {
            Some(rest) => self.left = rest,
            None => bail!("all together is larger than may be copied into memory for every trial"),
        }
        Ok(())
    }

    fn own(&self, from: &Entry, set: impl Fn(u32, u32) -> io::Result<()>) -> Result<()> {
        let Some(owner) = self.owner else { return Ok(()) };
        let (uid, gid) = owner(from.stat.st_uid, from.stat.st_gid);
        // Whose id has no number here, in a container or a user namespace, is root's.
        Ok(set(uid, gid).or_else(|_| set(self.root.0, self.root.1))?)
    }
}

impl Directory {
    /// What has this name in it, and lies on the same mount.
    fn within(&self, name: &Path) -> nix::Result<Entry> {
        let flags = OFlag::O_PATH | OFlag::O_NOFOLLOW;
        Entry::of(self.resolve(name, flags, Mode::empty(), same_mount())?)
    }
}

/// What stands in the way is said in words of its own.
fn in_words(error: io::Error) -> anyhow::Error {
    match error.raw_os_error().map(Errno::from_raw) {
        Some(Errno::EEXIST) => anyhow::anyhow!("there is something of that name in the copy already"),
        Some(Errno::ELOOP) => anyhow::anyhow!("a link is in the way, and none is followed"),
        Some(Errno::EXDEV) => anyhow::anyhow!("the path leads out of the copy"),
        _ => error.into(),
    }
}
