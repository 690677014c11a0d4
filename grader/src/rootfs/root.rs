//! A directory, seen as the programs that have it as their root see it: absolute links start there, and `..`
//! ends there. The kernel itself resolves the paths: openat2(2), RESOLVE_IN_ROOT.

use crate::beneath::{Directory, Entry};
use anyhow::{Context, Result};
use nix::errno::Errno;
use nix::fcntl::{OFlag, ResolveFlag};
use nix::sys::stat::{FileStat, Mode, fstat};
use std::ffi::OsString;
use std::fs::{self, File};
use std::os::fd::{AsFd, AsRawFd, OwnedFd};
use std::path::{Path, PathBuf};

/// A root directory. [`Root::machine`] is the machine's own.
#[derive(Debug)]
pub struct Root {
    dir: Directory,
}

impl Root {
    /// The root of this machine, `/`.
    pub fn machine() -> Result<Root> {
        let root = Root::at(Path::new("/"))?;
        // It resolves every path: where it is missing or refused, that is not said of the first one.
        root.open(Path::new("/"), OFlag::O_PATH).context("openat2(2)")?;
        Ok(root)
    }

    /// The root that `path` would be.
    pub fn at(path: &Path) -> Result<Root> {
        let dir =
            Directory::open(path).with_context(|| format!("cannot open the directory {}", path.display()))?;
        Ok(Root { dir })
    }

    /// Opens a regular file for reading, whatever links lead to it. EINVAL for anything else: to open a pipe
    /// would wait, to open a device may act.
    pub(super) fn file(&self, path: &Path) -> nix::Result<File> {
        let file = Entry::of(self.open(path, OFlag::O_PATH)?)?.read();
        file.map_err(|error| error.raw_os_error().map_or(Errno::EIO, Errno::from_raw))
    }

    /// stat(2): follows links, within the root.
    pub(super) fn stat(&self, path: &Path) -> nix::Result<FileStat> {
        fstat(self.open(path, OFlag::O_PATH)?)
    }

    /// The names in a directory, sorted; none where it can't be read.
    pub(super) fn names(&self, directory: &Path) -> Vec<OsString> {
        self.dir.in_root(directory).and_then(|it| it.names()).unwrap_or_default()
    }

    /// Where the last link to an open file ends, as seen from this root: `/bin/busybox` for `/bin/ls`. None
    /// without a `/proc`.
    pub(super) fn real_path(&self, file: &File) -> Option<PathBuf> {
        let path_of = |fd: i32| fs::read_link(format!("/proc/self/fd/{fd}")).ok();
        let below =
            path_of(file.as_raw_fd())?.strip_prefix(path_of(self.dir.as_fd().as_raw_fd())?).ok()?.to_owned();
        Some(Path::new("/").join(below))
    }

    fn open(&self, path: &Path, flags: OFlag) -> nix::Result<OwnedFd> {
        self.dir.resolve(path, flags, Mode::empty(), ResolveFlag::RESOLVE_IN_ROOT)
    }
}

/// The path without `.` and `..`, absolute: as seen from a root in which no link stands in the way.
pub(super) fn lexical(path: &Path) -> PathBuf {
    use std::path::Component;
    let mut clean = PathBuf::from("/");
    for part in path.components() {
        match part {
            Component::Normal(name) => clean.push(name),
            Component::ParentDir => drop(clean.pop()),
            Component::RootDir | Component::CurDir | Component::Prefix(_) => {}
        }
    }
    clean
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::os::unix::fs::symlink;

    #[test]
    fn links_end_within_the_root() {
        let temporary = tempfile::tempdir().unwrap();
        let at = |name: &str| temporary.path().join(name);
        fs::create_dir(at("bin")).unwrap();
        fs::write(at("bin/busybox"), "x").unwrap();
        symlink("/bin/busybox", at("bin/sh")).unwrap();
        symlink("../../../../../bin/sh", at("bin/ls")).unwrap();
        symlink("/etc/hostname", at("bin/out")).unwrap();
        let root = Root::at(temporary.path()).unwrap();
        let file = root.file(Path::new("/bin/ls")).unwrap();
        assert_eq!(root.real_path(&file).unwrap(), Path::new("/bin/busybox"));
        assert_eq!(root.file(Path::new("bin/out")).unwrap_err(), Errno::ENOENT);
        assert_eq!(root.file(Path::new("bin")).unwrap_err(), Errno::EINVAL);
    }

    #[test]
    fn a_lexical_path_stays_below_the_root() {
        assert_eq!(lexical(Path::new("/usr/bin/../lib/./x")), Path::new("/usr/lib/x"));
        assert_eq!(lexical(Path::new("/../../x")), Path::new("/x"));
    }
}
