//! What has changed in a decoy since it was made, as its PID 1 sees it.
//!
//! A decoy costs more than a trial. Where nothing has changed it serves for the next one too.

use super::layout::{READ_ONLY, ROOTFS};
use crate::beneath::{Directory, is};
use anyhow::{Context, Result};
use nix::dir::Dir;
use nix::fcntl::{AtFlags, OFlag, openat};
use nix::libc;
use nix::sys::stat::{FileStat, Mode, SFlag, fstatat};
use std::collections::{BTreeMap, BTreeSet};
use std::ffi::OsString;
use std::fs;
use std::os::fd::OwnedFd;
use std::path::Path;

/// What a decoy looked like at some moment.
#[derive(Debug)]
pub struct TreeState {
    mounts: String,
    name: String,
    processes: BTreeSet<i32>,
    files: Files,
}

/// Every file of the decoy's own, with what is not to change. As strings, which are compared sooner than paths.
pub type Files = BTreeMap<OsString, Mark>;

/// What is not to change of a file: it tells of every write and every change of rights. A directory's own times
/// and size change with what is put into it, and are no part of this.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Mark {
    mode: u32,
    owner: (u32, u32),
    inode: u64,
    written: Option<(i64, i64, i64)>,
}

impl TreeState {
    /// What it looks like now.
    pub fn now(proc: &OwnedFd) -> Result<TreeState> {
        Ok(TreeState { mounts: mounts(proc)?, name: name()?, processes: processes(proc)?, files: files()? })
    }

    /// Whether everything but the processes is as it was. Files that are new are put away first: whoever looks for
    /// them has looked.
    pub fn holds(&self, proc: &OwnedFd) -> Result<bool> {
        if mounts(proc)? != self.mounts || name()? != self.name {
            return Ok(false);
        }
        put_away(&Directory::open(Path::new("/"))?, files()?, &self.files)
    }

    /// Whether there are the same processes.
    pub fn same_processes(&self, proc: &OwnedFd) -> Result<bool> {
        Ok(processes(proc)? == self.processes)
    }
}

impl Mark {
    fn of(it: &FileStat) -> Mark {
        Mark {
            mode: it.st_mode,
            owner: (it.st_uid, it.st_gid),
            inode: it.st_ino,
            written: (!is(it, SFlag::S_IFDIR)).then_some((it.st_size, it.st_mtime, it.st_mtime_nsec)),
        }
    }

    /// Whether whoever executes it has the rights of the decoy's root.
    pub fn is_roots_set_user_id(&self) -> bool {
        let kind = libc::S_IFMT | libc::S_ISUID;
        self.owner.0 == 0 && self.mode & kind == libc::S_IFREG | libc::S_ISUID
    }
}

/// The mount table of the calling process. `proc` is the host's own `/proc`: what stands at that path now may be
/// another's.
pub fn mounts(proc: &OwnedFd) -> Result<String> {
    let file = openat(proc, "self/mountinfo", OFlag::O_RDONLY | OFlag::O_CLOEXEC, Mode::empty());
    std::io::read_to_string(fs::File::from(file.context("mountinfo")?)).context("mountinfo")
}

/// The host's name.
pub fn name() -> Result<String> {
    Ok(nix::unistd::gethostname().context("gethostname(2)")?.to_string_lossy().into_owned())
}

/// The processes in the calling process's PID namespace.
pub fn processes(proc: &OwnedFd) -> Result<BTreeSet<i32>> {
    let flags = OFlag::O_RDONLY | OFlag::O_DIRECTORY | OFlag::O_CLOEXEC;
    let mut directory = Dir::from_fd(openat(proc, ".", flags, Mode::empty())?)?;
    let entries = directory.iter().collect::<nix::Result<Vec<_>>>()?;
    Ok(entries.iter().filter_map(|entry| entry.file_name().to_str().ok()?.parse().ok()).collect())
}

/// The files of the decoy's own tree and of its volumes, as the decoy's processes see them.
pub fn files() -> Result<Files> {
    let root = Directory::open(Path::new("/")).context("/")?;
    let mut found = Files::new();
    // There the rootfs is seen for a second time.
    list(&root, Path::new("/"), root.stat()?.st_dev, Some(Path::new(READ_ONLY)), &mut found)?;
    let volume = root.below(ROOTFS).and_then(|rootfs| rootfs.in_root("data"));
    // A volume that is not mounted any more is seen in the mount table.
    for (top, name) in [(root.below("mnt"), "/mnt".into()), (volume, Path::new(ROOTFS).join("data"))] {
        if let Ok(top) = top {
            list(&top, &name, top.stat()?.st_dev, None, &mut found)?;
        }
    }
    Ok(found)
}

/// The files of a tree, without what is mounted in it. Their paths begin with `/`, its top.
pub fn files_of(root: &Directory) -> Result<Files> {
    let mut found = Files::new();
    list(root, Path::new("/"), root.stat()?.st_dev, None, &mut found)?;
    Ok(found)
}

/// Removes the files below `root` that are new, and says whether the others are as they were.
pub fn put_away(root: &Directory, mut now: Files, first: &Files) -> Result<bool> {
    // What lies in a directory comes after it.
    for path in now.keys().filter(|path| !first.contains_key(*path)).rev() {
        if remove(root, Path::new(path)).is_err() {
            return Ok(false);
        }
    }
    now.retain(|path, _| first.contains_key(path));
    Ok(now == *first)
}

/// What lies on a volume is removed below the volume.
fn remove(root: &Directory, path: &Path) -> std::io::Result<()> {
    match path.parent() {
        Some(parent) => root.below(parent)?.remove(path.file_name().unwrap_or_default()),
        None => root.remove(path),
    }
}

/// Lists what is in a directory, but the path `but`.
fn list(
    directory: &Directory,
    path: &Path,
    device: u64,
    but: Option<&Path>,
    found: &mut Files,
) -> Result<()> {
    for name in directory.names().with_context(|| path.display().to_string())? {
        let path = path.join(&name);
        if Some(path.as_path()) == but {
            continue;
        }
        let Ok(it) = fstatat(directory, name.as_os_str(), AtFlags::AT_SYMLINK_NOFOLLOW) else { continue };
        if it.st_dev == device {
            if is(&it, SFlag::S_IFDIR) {
                let below = directory.below(&name).with_context(|| path.display().to_string())?;
                list(&below, &path, device, but, found)?;
            }
            found.insert(path.into_os_string(), Mark::of(&it));
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_new_is_put_away_and_what_has_changed_is_noticed() {
        let directory = tempfile::tempdir().unwrap();
        let top = directory.path();
        fs::create_dir(top.join("etc")).unwrap();
        fs::write(top.join("etc/passwd"), "root").unwrap();
        let root = Directory::open(top).unwrap();
        let look = || files_of(&root).unwrap();
        let first = look();
        assert_eq!(first.len(), 2);

        fs::create_dir_all(top.join("etc/new/deep")).unwrap();
        fs::write(top.join("etc/new/deep/file"), "").unwrap();
        std::os::unix::fs::symlink("/", top.join("etc/link")).unwrap();
        assert!(put_away(&root, look(), &first).unwrap());
        assert_eq!(look(), first);

        fs::write(top.join("etc/passwd"), "toor").unwrap();
        assert!(!put_away(&root, look(), &first).unwrap());
        fs::remove_file(top.join("etc/passwd")).unwrap();
        assert!(!put_away(&root, look(), &first).unwrap());
    }
}
