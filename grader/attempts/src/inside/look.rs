//! What lies at a path, before it is opened: that is the container's choice, and may be the machine's own.
//!
//! To open the node of a device may have an effect by itself: a tape rewinds, a watchdog begins to count. So the node is
//! looked at through a descriptor that opens no device (O_PATH, open(2)), and what was looked at is what is opened.
//! openat2(2) makes it: no attempt has that for its decisive call.

use nix::errno::Errno;
use nix::fcntl::{AT_FDCWD, OFlag, OpenHow, openat, openat2};
use nix::libc::dev_t;
use nix::sys::stat::{FileStat, Mode, SFlag, fstat, makedev, stat};
use std::os::fd::{AsRawFd, OwnedFd};

/// Something at a path.
pub struct Found {
    path: String,
    node: Option<OwnedFd>,
    status: Option<FileStat>,
}

/// Looks. What can't be looked at is found all the same: to open it says why.
pub fn look(path: &str) -> Found {
    let how = OpenHow::new().flags(OFlag::O_PATH | OFlag::O_CLOEXEC);
    let node = openat2(AT_FDCWD, path, how).ok();
    // Filters older than it (2020) refuse openat2.
    let status = node.as_ref().map_or_else(|| stat(path), fstat).ok();
    Found { path: path.to_owned(), node, status }
}

impl Found {
    /// Whether it is there, and a device of which this is not true: whether it is a block device, and its number.
    pub fn is_device_but(&self, wanted: impl Fn(bool, dev_t) -> bool) -> bool {
        self.status.as_ref().is_some_and(|status| {
            let kind = SFlag::from_bits_truncate(status.st_mode) & SFlag::S_IFMT;
            let is_block = kind == SFlag::S_IFBLK;
            (is_block || kind == SFlag::S_IFCHR) && !wanted(is_block, status.st_rdev)
        })
    }

    /// Opens what was looked at, and no other.
    ///
    /// # Errors
    /// Those of openat(2); ENXIO where it became another device since.
    pub fn open(&self, flags: OFlag) -> Result<OwnedFd, Errno> {
        let again = self.node.as_ref().map(|node| format!("/proc/self/fd/{}", node.as_raw_fd()));
        let again = again.filter(|path| stat(path.as_str()).is_ok());
        let path = again.as_deref().unwrap_or(&self.path);
        let flags = flags | OFlag::O_CLOEXEC | OFlag::O_NONBLOCK | OFlag::O_NOCTTY;
        let file = openat(AT_FDCWD, path, flags, Mode::empty())?;
        let number = |status: &FileStat| (status.st_mode & SFlag::S_IFMT.bits(), status.st_rdev);
        let (then, now) = (self.status.as_ref().map(number), number(&fstat(&file)?));
        if then.is_some_and(|then| then != now) || then.is_none() && now.1 != 0 {
            return Err(Errno::ENXIO);
        }
        Ok(file)
    }
}

/// Whether it is the null device, which a container may have bound over a file to hide that.
pub fn is_null(is_block: bool, number: dev_t) -> bool {
    !is_block && number == makedev(1, 3)
}
