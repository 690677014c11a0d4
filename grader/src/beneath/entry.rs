//! A file, opened with O_PATH, so that opening a pipe does not block and opening a device has no effect.

use super::{Directory, is, path, set_mode, set_owner};
use nix::errno::Errno;
use nix::fcntl::{OFlag, openat, readlinkat};
use nix::sys::stat::{FileStat, Mode, SFlag, fstat};
use nix::unistd::AccessFlags;
use std::ffi::OsString;
use std::fs::File;
use std::io;
use std::os::fd::{AsFd, OwnedFd};
use std::path::{Path, PathBuf};

/// A file of any kind, as an open O_PATH descriptor: it opens no device and waits for no pipe.
#[derive(Debug)]
pub struct Entry {
    pub(super) fd: OwnedFd,
    /// The result of fstat(2).
    pub stat: FileStat,
}

impl Entry {
    /// The file behind a descriptor.
    ///
    /// # Errors
    /// From fstat(2).
    pub fn of(fd: OwnedFd) -> nix::Result<Entry> {
        let stat = fstat(&fd)?;
        Ok(Entry { fd, stat })
    }

    /// The file at a path that the grader's caller has named. Links are followed.
    ///
    /// # Errors
    /// From open(2).
    pub fn at(path: &Path) -> io::Result<Entry> {
        Ok(Entry::of(nix::fcntl::open(path, OFlag::O_PATH | OFlag::O_CLOEXEC, Mode::empty())?)?)
    }

    /// The file at an absolute path without links (as from realpath(3)): ELOOP if a link has been put there since.
    ///
    /// # Errors
    /// What the system said.
    pub fn at_real_path(path: &Path) -> io::Result<Entry> {
        Directory::open(Path::new("/"))?.entry(path)
    }

    /// Is it of this kind?
    pub fn is(&self, kind: SFlag) -> bool {
        is(&self.stat, kind)
    }

    /// Opens it for reading. Only a regular file is opened: opening a pipe would block, opening a device may have
    /// effects.
    ///
    /// # Errors
    /// From the system; EINVAL where it is not a regular file.
    pub fn read(&self) -> io::Result<File> {
        if !self.is(SFlag::S_IFREG) {
            return Err(Errno::EINVAL.into());
        }
        // The same file, even if another one has its name by now.
        File::open(self.path())
    }

    /// Whether its content may be read: a directory must be searched as well.
    pub fn is_readable(&self) -> bool {
        let search = if self.is(SFlag::S_IFDIR) { AccessFlags::X_OK } else { AccessFlags::empty() };
        nix::unistd::eaccess(&self.path(), AccessFlags::R_OK | search).is_ok()
    }

    /// The directory that it is.
    pub(super) fn directory(&self) -> io::Result<Directory> {
        let flags = OFlag::O_PATH | OFlag::O_DIRECTORY | OFlag::O_CLOEXEC;
        Ok(Directory { fd: openat(&self.fd, ".", flags, Mode::empty())? })
    }

    /// The target, if it is a symbolic link.
    ///
    /// # Errors
    /// What readlinkat(2) said.
    pub fn target(&self) -> io::Result<OsString> {
        Ok(readlinkat(&self.fd, "")?)
    }

    /// lchown(2).
    ///
    /// # Errors
    /// What the system said.
    pub fn set_owner(&self, uid: u32, gid: u32) -> io::Result<()> {
        set_owner(self.fd.as_fd(), uid, gid)
    }

    /// chmod(2). EOPNOTSUPP for a link.
    ///
    /// # Errors
    /// What the system said.
    pub fn set_mode(&self, mode: u32) -> io::Result<()> {
        set_mode(self.fd.as_fd(), mode)
    }

    /// A path that leads to exactly this file, for calls that take a path.
    pub fn path(&self) -> PathBuf {
        path(&self.fd)
    }
}
