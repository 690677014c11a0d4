//! Copies trees from one directory descriptor to another: directories, regular files and symbolic links.
//!
//! Each entry is opened once (O_PATH, O_NOFOLLOW), examined by its descriptor and read through it, so that a
//! replacement in between has no effect. Pipes, devices and sockets are left out, and never opened.

use super::measure::{MAX_DEPTH, pages, parts};
use super::{Directory, Entry, same_mount};
use anyhow::{Context, Result, ensure};
use nix::errno::Errno;
use nix::sys::stat::SFlag;
use std::fs::{File, Permissions};
use std::io::{self, Read, Seek, SeekFrom};
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;

/// The options of a copy.
pub struct Copy<'a> {
    /// The budget in bytes, counted as [`Size`](super::Size) counts them.
    pub left: u64,
    /// Whether directories whose names begin with a dot are left out, `.git` and `.ssh`, and what can't be read.
    pub without_dot_directories: bool,
    /// Maps the owner of the original to the owner of the copy. None: the copies belong to the caller.
    pub owner: Option<&'a dyn Fn(u32, u32) -> (u32, u32)>,
    /// The owner where the system has no such id.
    pub root: (u32, u32),
}

impl Copy<'_> {
    /// Copies an entry to a name in `to`. An existing directory is used.
    ///
    /// # Errors
    /// A file that can't be copied, and why: the message begins with its path below the entry.
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
            // chown(2) clears the set-user-ID bit.
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
                // It was removed meanwhile.
                Err(Errno::ENOENT) => Ok(()),
                Err(Errno::EXDEV) => self.mount_point(&source.entry(&inner)?, &made, Path::new(&inner)),
                Err(errno) => Err(errno.into()),
                Ok(it) if self.without_dot_directories && is_dotted && it.is(SFlag::S_IFDIR) => Ok(()),
                Ok(it) if self.without_dot_directories && has_content(&it) && !it.is_readable() => Ok(()),
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

    /// A mounted file system is not part of the tree: its mount point is copied as an empty directory.
    fn mount_point(&self, from: &Entry, to: &Directory, name: &Path) -> Result<()> {
        if from.is(SFlag::S_IFDIR) {
            let made = to.make(name, 0o755).map_err(in_words)?;
            self.own(from, |uid, gid| made.set_owner(uid, gid))?;
        }
        Ok(())
    }

    /// Copies a file's bytes, up to the rest of the budget. Its holes stay holes, and what is added to it meanwhile is
    /// left out.
    fn bytes(&mut self, mut from: &File, mut to: &File) -> Result<()> {
        let size = from.metadata()?.len();
        for (start, end) in parts(from, size)? {
            let rest = self.left.checked_sub(pages(start, end));
            self.left =
                rest.context("all together is larger than may be copied into memory for every trial")?;
            from.seek(SeekFrom::Start(start))?;
            to.seek(SeekFrom::Start(start))?;
            io::copy(&mut from.take(end - start), &mut to)?;
        }
        Ok(to.set_len(size)?)
    }

    fn own(&self, from: &Entry, set: impl Fn(u32, u32) -> io::Result<()>) -> Result<()> {
        let Some(owner) = self.owner else { return Ok(()) };
        let (uid, gid) = owner(from.stat.st_uid, from.stat.st_gid);
        // An owner without an id here, in a container or a user namespace, becomes root.
        Ok(set(uid, gid).or_else(|_| set(self.root.0, self.root.1))?)
    }
}

fn has_content(it: &Entry) -> bool {
    it.is(SFlag::S_IFREG) || it.is(SFlag::S_IFDIR)
}

/// Explains the errors of an existing file, a link, and a path that leads out.
fn in_words(error: io::Error) -> anyhow::Error {
    match error.raw_os_error().map(Errno::from_raw) {
        Some(Errno::EEXIST) => anyhow::anyhow!("there is something of that name in the copy already"),
        Some(Errno::ELOOP) => anyhow::anyhow!("a link is in the way, and none is followed"),
        Some(Errno::EXDEV) => anyhow::anyhow!("the path leads out of the copy"),
        _ => error.into(),
    }
}
