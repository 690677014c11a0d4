//! A root file system in the making: in a closed directory beside its place, into which it is renamed when it is whole.
//!
//! Whoever makes one holds a lock on that directory (flock(2)), which the kernel takes back with its process. The next
//! who makes one in the same place removes what has no lock: what a killed process has left.

use crate::beneath::{Directory, is};
use crate::cache_dir::lock;
use crate::random::random_word;
use anyhow::{Context, Result, bail};
use nix::errno::Errno;
use nix::fcntl::Flock;
use nix::sys::stat::SFlag;
use nix::unistd::geteuid;
use std::ffi::{OsStr, OsString};
use std::fs::{self, File};
use std::io::ErrorKind;
use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};

/// What is in the making begins with this.
const PART: &str = ".grader-rootfs-";

/// The directory in it that becomes the root file system.
const TREE: &str = "tree";

/// A root file system in the making. Dropped, it is removed.
pub(in super::super) struct Part {
    parent: Directory,
    target: PathBuf,
    name: OsString,
    _lock: Flock<File>,
}

impl Part {
    /// Begins one that is to be at `target`, which is missing or an empty directory.
    ///
    /// # Errors
    /// Something is there, or nothing can be made beside it.
    pub(in super::super) fn begin(target: &Path) -> Result<Part> {
        let target = real(target)?;
        let shown = target.display();
        match fs::read_dir(&target).map(|mut names| names.next().is_none()) {
            Ok(true) => {}
            Err(error) if error.kind() == ErrorKind::NotFound => {}
            Ok(false) => {
                bail!("{shown}: the directory is not empty; name one that is, or that does not exist yet")
            }
            Err(error) => bail!("{shown}: {error}; name a directory that is empty or does not exist yet"),
        }
        let beside = target.parent().context("the root of this machine is no place for it")?;
        let make = || -> Result<_> {
            let parent = Directory::open(beside)?;
            sweep(&parent, beside);
            for _ in 0..10 {
                let name = OsString::from(format!("{PART}{}", random_word(16)?));
                parent.make(&name, 0o700)?;
                // Another one's sweep may have come between.
                if let Some(lock) = lock(&beside.join(&name))? {
                    parent.make(Path::new(&name).join(TREE), 0o755)?;
                    return Ok((parent, name, lock));
                }
            }
            bail!("it disappears when it is made")
        };
        let (parent, name, lock) =
            make().with_context(|| format!("cannot make a directory in {}", beside.display()))?;
        Ok(Part { parent, target, name, _lock: lock })
    }

    /// The directory to fill.
    pub(in super::super) fn tree(&self) -> Result<Directory> {
        Ok(self.parent.below(Path::new(&self.name).join(TREE))?)
    }

    /// Its path, or that of something in it.
    pub(in super::super) fn path(&self, inner: &Path) -> PathBuf {
        let tree = self.beside(TREE);
        if inner.as_os_str().is_empty() { tree } else { tree.join(inner) }
    }

    /// The path of something beside the directory to fill, which is removed with the rest.
    pub(in super::super) fn beside(&self, name: &str) -> PathBuf {
        self.target.parent().unwrap_or(Path::new("/")).join(&self.name).join(name)
    }

    /// Where it is to be.
    pub(in super::super) fn target(&self) -> &Path {
        &self.target
    }

    /// Moves it, or a directory in it, to its place.
    ///
    /// # Errors
    /// Something is there by now, or the system's.
    pub(in super::super) fn put(self, inner: &Path) -> Result<()> {
        let from = if inner.as_os_str().is_empty() {
            Path::new(&self.name).join(TREE)
        } else {
            Path::new(&self.name).join(TREE).join(inner)
        };
        let name = self.target.file_name().unwrap_or_default();
        // An empty directory is replaced, and nothing else (rename(2)).
        let moved = self.parent.rename(from, &self.parent, name);
        moved.with_context(|| format!("moving it to {}", self.target.display()))
    }
}

impl Drop for Part {
    fn drop(&mut self) {
        remove(&self.parent, &self.name);
    }
}

/// The path without links, also where its last name does not exist.
fn real(target: &Path) -> Result<PathBuf> {
    if let Ok(found) = fs::canonicalize(target) {
        return Ok(found);
    }
    let shown = target.display();
    let name = target.file_name().with_context(|| format!("{shown}: no such directory"))?;
    let parent = target.parent().filter(|parent| !parent.as_os_str().is_empty()).unwrap_or(Path::new("."));
    let parent = fs::canonicalize(parent)
        .with_context(|| format!("cannot make the directory {shown}: make its parent first"))?;
    Ok(parent.join(name))
}

/// Removes what a killed process has left.
fn sweep(parent: &Directory, path: &Path) {
    for name in
        parent.names().unwrap_or_default().iter().filter(|name| name.as_bytes().starts_with(PART.as_bytes()))
    {
        let is_own = parent.entry(name).is_ok_and(|it| it.stat.st_uid == geteuid().as_raw());
        if is_own && let Ok(Some(_lock)) = lock(&path.join(name)) {
            remove(parent, name);
        }
    }
}

/// Removes a tree, also one whose directories are closed to their owner.
fn remove(parent: &Directory, name: &OsStr) {
    let refused = |error: &std::io::Error| error.raw_os_error() == Some(Errno::EACCES as i32);
    if parent.remove_all(name).is_err_and(|error| refused(&error))
        && let Ok(top) = parent.below(name)
    {
        open_up(&top);
        let _ = parent.remove_all(name);
    }
}

/// Opens all directories of a tree to their owner. It is no deeper than an archive may be.
fn open_up(directory: &Directory) {
    let _ = directory.set_mode(0o700);
    for name in directory.names().unwrap_or_default() {
        if directory.entry(&name).is_ok_and(|it| is(&it.stat, SFlag::S_IFDIR))
            && let Ok(inner) = directory.below(&name)
        {
            open_up(&inner);
        }
    }
}
