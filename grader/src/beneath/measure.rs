//! How much memory a copy of a tree takes: what `copy` copies, measured before it does.

use super::{Directory, Entry, same_mount};
use anyhow::{Context, Result, ensure};
use nix::errno::Errno;
use nix::fcntl::OFlag;
use nix::libc;
use nix::sys::stat::{Mode, SFlag};
use nix::unistd::{AccessFlags, Whence, access, lseek64};
use std::fs::File;
use std::os::fd::AsFd;
use std::path::Path;

/// The maximum depth of a tree.
pub const MAX_DEPTH: usize = 100;

/// A file in memory takes whole pages.
const PAGE: u64 = 4096;

/// What a tree takes on a tmpfs.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Size {
    /// Bytes, in whole pages, without holes.
    pub bytes: u64,
    /// Files, directories and links.
    pub files: u64,
}

impl Size {
    /// What a copy of an entry takes, with all below it.
    ///
    /// # Errors
    /// What can't be copied: the message begins with its path below the entry.
    pub fn of(entry: &Entry) -> Result<Size> {
        let mut size = Size::default();
        size.add(entry, 0)?;
        Ok(size)
    }

    fn add(&mut self, entry: &Entry, depth: usize) -> Result<()> {
        self.files += 1;
        if entry.is(SFlag::S_IFREG) {
            access(&entry.path(), AccessFlags::R_OK)?;
            self.bytes += file_size(entry)?;
        } else if entry.is(SFlag::S_IFDIR) {
            ensure!(depth < MAX_DEPTH, "directories are nested more than {MAX_DEPTH} deep");
            let directory = entry.directory()?;
            for name in directory.names()? {
                let added = match directory.within(Path::new(&name)) {
                    // Removed meanwhile, or a mounted file system, which is no part of the tree.
                    Err(Errno::ENOENT | Errno::EXDEV) => Ok(()),
                    Err(errno) => Err(errno.into()),
                    Ok(inner) => self.add(&inner, depth + 1),
                };
                added.with_context(|| Path::new(&name).display().to_string())?;
            }
        }
        Ok(())
    }
}

impl Directory {
    /// The entry of this name in it, on the same mount.
    pub(super) fn within(&self, name: &Path) -> nix::Result<Entry> {
        let flags = OFlag::O_PATH | OFlag::O_NOFOLLOW;
        Entry::of(self.resolve(name, flags, Mode::empty(), same_mount())?)
    }
}

/// The memory that a copy of a regular file takes.
fn file_size(entry: &Entry) -> Result<u64> {
    let (size, blocks) = (entry.stat.st_size.unsigned_abs(), entry.stat.st_blocks.unsigned_abs());
    // Fewer blocks than bytes: it has holes, or a file system that compresses.
    match blocks.saturating_mul(512) < size {
        true => Ok(parts(&entry.read()?, size)?.iter().map(|(from, to)| pages(*from, *to)).sum()),
        false => Ok(pages(0, size)),
    }
}

/// The memory for the bytes from one place to another.
pub(super) fn pages(from: u64, to: u64) -> u64 {
    (to.div_ceil(PAGE) - from / PAGE) * PAGE
}

/// The parts of a file that are not holes, each from one place to another (lseek(2)).
pub(super) fn parts(file: &File, size: u64) -> nix::Result<Vec<(u64, u64)>> {
    let place = |at: u64, what: Whence| -> nix::Result<u64> {
        let at = libc::off64_t::try_from(at).map_err(|_| Errno::EFBIG)?;
        Ok(lseek64(file.as_fd(), at, what)?.unsigned_abs())
    };
    let (mut parts, mut at) = (Vec::new(), 0);
    while at < size {
        let from = match place(at, Whence::SeekData) {
            // Nothing but a hole up to its end.
            Err(Errno::ENXIO) => break,
            // A file system that knows no holes.
            Err(Errno::EINVAL) if parts.is_empty() => 0,
            from => from?,
        };
        let to = match place(from, Whence::SeekHole) {
            Err(Errno::EINVAL | Errno::ENXIO) => size,
            to => to?.min(size),
        };
        if to <= from {
            break;
        }
        parts.push((from, to));
        at = to;
    }
    Ok(parts)
}
