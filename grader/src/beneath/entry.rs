//! What is at a path: opened without an access to it (O_PATH), so that a pipe does not wait and a device does not act.

use super::{Directory, is, path, set_mode, set_owner};
use nix::errno::Errno;
use nix::fcntl::{OFlag, openat, readlinkat};
use nix::sys::stat::{FileStat, Mode, SFlag, fstat};
use std::ffi::OsString;
use std::fs::File;
use std::io;
use std::os::fd::{AsFd, OwnedFd};
use std::path::{Path, PathBuf};

/// A file of any kind, held by a descriptor (O_PATH): to look at it has opened no device and waited for no pipe.
#[derive(Debug)]
pub struct Entry {
    pub(super) fd: OwnedFd,
    /// What fstat(2) says of it.
    pub stat: FileStat,
}

impl Entry {
    /// The file behind a descriptor.
    ///
    /// # Errors
    /// What fstat(2) said.
    pub fn of(fd: OwnedFd) -> nix::Result<Entry> {
        let stat = fstat(&fd)?;
        Ok(Entry { fd, stat })
    }

    /// What is at a path that the person who called the grader has named. Links are followed.
    ///
    /// # Errors
    /// What open(2) said.
    pub fn at(path: &Path) -> io::Result<Entry> {
        Ok(Entry::of(nix::fcntl::open(path, OFlag::O_PATH | OFlag::O_CLOEXEC, Mode::empty())?)?)
    }

    /// What is at an absolute path in which nothing is a link: it was when it was looked at (realpath(3)), and who
    /// has put one there since gets ELOOP.
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

    /// Opens it for reading. Only a regular file is: to open a pipe would wait, to open a device may act.
    ///
    /// # Errors
    /// What the system said; EINVAL where it is none.
    pub fn read(&self) -> io::Result<File> {
        if !self.is(SFlag::S_IFREG) {
            return Err(Errno::EINVAL.into());
        }
        // The same file, whatever has the name by now.
        File::open(self.path())
    }

    /// The directory that it is.
    pub(super) fn directory(&self) -> io::Result<Directory> {
        let flags = OFlag::O_PATH | OFlag::O_DIRECTORY | OFlag::O_CLOEXEC;
        Ok(Directory { fd: openat(&self.fd, ".", flags, Mode::empty())? })
    }

    /// Where it leads, if it is a symbolic link.
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

    /// A name for it that leads to it alone, for calls that take a path.
    pub fn path(&self) -> PathBuf {
        path(&self.fd)
    }
}
