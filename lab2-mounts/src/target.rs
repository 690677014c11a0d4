//! What something is mounted on: a directory or a file of the rootfs, found without following a link.
//!
//! A rootfs comes from somebody else. mount(2) follows links, and so a rootfs whose `tmp` is a link to `/` gets its
//! tmpfs on top of the host's root, and one whose `proc` leads elsewhere is left without its `/proc` and the masks.

use nix::errno::Errno;
use nix::fcntl::{AT_FDCWD, OFlag, OpenHow, openat, openat2};
use nix::sys::stat::{Mode, SFlag, fstat, mkdirat};
use std::os::fd::{AsFd, AsRawFd, BorrowedFd, OwnedFd};

/// A place in the rootfs, held open: nobody can put another in its place.
pub struct Target {
    descriptor: OwnedFd,
    path: String,
}

impl Target {
    /// The path by which mount(2) finds exactly this place. It leads through the host's `/proc`: until the root is
    /// exchanged that is the one at `/`, whatever the rootfs has.
    pub fn path(&self) -> &str {
        &self.path
    }

    /// Whether it is a directory.
    pub fn is_directory(&self) -> nix::Result<bool> {
        fstat(self).map(|it| SFlag::S_IFMT.bits() & it.st_mode == SFlag::S_IFDIR.bits())
    }
}

impl AsFd for Target {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.descriptor.as_fd()
    }
}

/// Opens what is at a path of the rootfs, relative to the working directory, which is the rootfs: see
/// [`crate::mount_file_systems`].
pub fn open(path: &str) -> nix::Result<Target> {
    let how = OpenHow::new().flags(OFlag::O_PATH | OFlag::O_CLOEXEC);
    // step: no-links
    // Neither out of the rootfs nor over a link, wherever on the way it lies (openat2(2)).
    use nix::fcntl::ResolveFlag;
    let how = how.resolve(
        ResolveFlag::RESOLVE_BENEATH | ResolveFlag::RESOLVE_NO_SYMLINKS | ResolveFlag::RESOLVE_NO_MAGICLINKS,
    );
    // end step
    let descriptor = openat2(AT_FDCWD, path, how)?;
    let path = format!("/proc/self/fd/{}", descriptor.as_raw_fd());
    Ok(Target { descriptor, path })
}

/// The same, or none where there is nothing.
pub fn existing(path: &str) -> nix::Result<Option<Target>> {
    match open(path) {
        Err(Errno::ENOENT) => Ok(None),
        opened => opened.map(Some),
    }
}

/// A directory, made where it is missing.
pub fn directory(path: &str) -> nix::Result<Target> {
    open_or_make(path, |parent, name| mkdirat(parent, name, Mode::from_bits_truncate(0o755)))
}

/// A file, made where it is missing.
pub fn file(path: &str) -> nix::Result<Target> {
    let new = OFlag::O_CREAT | OFlag::O_EXCL | OFlag::O_CLOEXEC;
    open_or_make(path, |parent, name| openat(parent, name, new, Mode::from_bits_truncate(0o644)).map(drop))
}

fn open_or_make(path: &str, make: impl Fn(Target, &str) -> nix::Result<()>) -> nix::Result<Target> {
    if let Some(there) = existing(path)? {
        return Ok(there);
    }
    let (parent, name) = path.rsplit_once('/').unwrap_or((".", path));
    match make(open(parent)?, name) {
        // Another container on the same rootfs was faster.
        Ok(()) | Err(Errno::EEXIST) => open(path),
        Err(refused) => Err(refused),
    }
}
