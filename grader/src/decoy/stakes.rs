//! Which files of a decoy's tree are at stake: laid out when the attempt begins, or known before the program was seen; and
//! looked at again at the end. What a program has spoiled there, nobody could have got.

use super::layout::ROOTFS;
use crate::beneath::Directory;
use crate::random::random_word;
use anyhow::{Context, Result, ensure};
use nix::libc;
use nix::sys::stat::FileStat;
use std::collections::BTreeMap;
use std::fs::Permissions;
use std::io::Write;
use std::os::fd::{AsFd, AsRawFd};
use std::os::unix::fs::{PermissionsExt, fchown};

/// Directories of a host's, one of which holds the canary.
const DIRECTORIES: [&str; 3] = ["etc", "srv", "home"];

/// The canary: a file for root, and one for everybody, who may be all that is left of root. It is laid out when an attempt
/// begins, and all programs stand still.
pub struct Canary {
    /// The path of the first, from the top of the host's tree. The second's ends with `.open`.
    pub path: String,
    /// What is in both.
    pub word: String,
    root: Directory,
    files: Stakes,
}

impl Canary {
    /// Lays it out below `root`, the top of the host's tree as its PID 1 sees it. It belongs to `owner`, the host's root.
    ///
    /// # Errors
    /// What could not be made: a program may have left no room.
    pub fn lay(root: Directory, owner: u32) -> Result<Canary> {
        let (name, word) = (random_word(12)?, random_word(16)?);
        ensure!(is_open(&root)?, "the top of its tree was closed");
        let among: Vec<&str> = DIRECTORIES.into_iter().filter(|it| root.below(it).is_ok()).collect();
        let nth = usize::from_str_radix(&name[..4], 16)? % among.len().max(1);
        let directory = among.get(nth).copied().unwrap_or(".");
        for directory in &among {
            ensure!(is_open(&root.below(directory)?)?, "/{directory} was closed");
        }
        let path = format!("{directory}/{name}");
        let canary = Canary { files: Stakes(Vec::new()), path, word, root };
        for (path, mode) in canary.paths() {
            let mut file =
                canary.root.create(&path, mode).with_context(|| format!("a file in /{directory}"))?;
            file.write_all(canary.word.as_bytes()).with_context(|| format!("a file in /{directory}"))?;
            fchown(&file, Some(owner), Some(owner))?;
            file.set_permissions(Permissions::from_mode(mode))?;
        }
        let files = Stakes::at(&canary.root, canary.paths().map(|(path, _)| ("canary", path)));
        Ok(Canary { files, ..canary })
    }

    fn paths(&self) -> [(String, u32); 2] {
        [(self.path.clone(), 0o600), (format!("{}.open", self.path), 0o644)]
    }

    /// Device and inode of both.
    pub fn numbers(&self) -> Vec<(u64, u64)> {
        self.files.numbers().remove("canary").unwrap_or_default()
    }

    /// Device and inode of the directories among which nobody knows where it is.
    pub fn directories(&self) -> Vec<(u64, u64)> {
        let all = DIRECTORIES.iter().filter_map(|it| self.root.below(it).ok()?.stat().ok());
        all.map(|stat| (stat.st_dev, stat.st_ino)).collect()
    }

    /// Whether one is gone, or another than it was.
    pub fn is_spoiled(&self) -> bool {
        !self.files.spoiled(&self.root).is_empty()
    }

    /// Takes it away.
    pub fn remove(&self) {
        for (path, _) in self.paths() {
            let _ = self.root.remove(path);
        }
    }
}

/// Whether everybody may enter a directory: by its mode, and no list says otherwise (acl(5)).
fn is_open(directory: &Directory) -> Result<bool> {
    let fd = directory.as_fd().as_raw_fd();
    let has_list = [c"system.posix_acl_access", c"system.posix_acl_default"].iter().any(|name| {
        let path = format!("/proc/self/fd/{fd}\0");
        // SAFETY: both strings end in NUL, and nothing is written where the length is 0.
        unsafe { libc::getxattr(path.as_ptr().cast(), name.as_ptr(), std::ptr::null_mut(), 0) >= 0 }
    });
    Ok(!has_list && directory.stat()?.st_mode & 0o555 == 0o555)
}

/// The files, by the name of their place.
pub struct Stakes(Vec<(&'static str, String, FileStat)>);

impl Stakes {
    /// Those of a tree that nobody has used yet. `name` is what the names of its nodes end with.
    pub fn of(root: &Directory, name: &str) -> Stakes {
        let nodes = [format!("{ROOTFS}/dev/sda"), format!("{ROOTFS}/node-{name}")];
        Stakes::at(root, nodes.map(|path| ("node", path)))
    }

    fn at(root: &Directory, paths: impl IntoIterator<Item = (&'static str, String)>) -> Stakes {
        let found = paths.into_iter().filter_map(|(place, path)| {
            let status = root.entry(path.trim_start_matches('/')).ok()?.stat;
            Some((place, path, status))
        });
        Stakes(found.collect())
    }

    /// Device and inode of each, by its place.
    pub fn numbers(&self) -> BTreeMap<String, Vec<(u64, u64)>> {
        let mut all = BTreeMap::<String, Vec<(u64, u64)>>::new();
        for (place, _, status) in &self.0 {
            all.entry((*place).to_owned()).or_default().push((status.st_dev, status.st_ino));
        }
        all
    }

    /// The places where one is gone, or another than it was.
    pub fn spoiled(&self, root: &Directory) -> Vec<String> {
        let is_whole = |place: &str, path: &str, then: &FileStat| {
            let now = root.entry(path.trim_start_matches('/')).map(|entry| entry.stat);
            now.is_ok_and(|now| is_same(&now, then) && (place == "node" || is_untouched(&now, then)))
        };
        let spoiled = self.0.iter().filter(|(place, path, then)| !is_whole(place, path, then));
        spoiled.map(|(place, ..)| (*place).to_owned()).collect()
    }
}

/// Whether it is the same file, and a node of the same device. The owner of a root file system may be changed.
fn is_same(now: &FileStat, then: &FileStat) -> bool {
    (now.st_dev, now.st_ino, now.st_rdev) == (then.st_dev, then.st_ino, then.st_rdev)
}

/// Whether nobody has written to it, or changed who may open it: no call sets this time (inode(7)).
fn is_untouched(now: &FileStat, then: &FileStat) -> bool {
    (now.st_ctime, now.st_ctime_nsec) == (then.st_ctime, then.st_ctime_nsec)
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::fs;

    #[test]
    fn a_canary_is_laid_out_and_taken_away() {
        let directory = tempfile::tempdir().unwrap();
        let mode = |path: &std::path::Path, mode| {
            fs::set_permissions(path, fs::Permissions::from_mode(mode)).unwrap();
        };
        fs::create_dir(directory.path().join("srv")).unwrap();
        mode(directory.path(), 0o755);
        mode(&directory.path().join("srv"), 0o755);
        let open = || Directory::open(directory.path()).unwrap();
        let canary = Canary::lay(open(), nix::unistd::getuid().as_raw()).unwrap();
        let (path, at) = (canary.path.clone(), |path: &str| directory.path().join(path));
        assert!(path.starts_with("srv/") && canary.numbers().len() == 2 && !canary.is_spoiled());
        assert_eq!(fs::read_to_string(at(&format!("{path}.open"))).unwrap(), canary.word);
        assert_ne!(Canary::lay(open(), nix::unistd::getuid().as_raw()).unwrap().path, path);
        fs::remove_file(at(&path)).unwrap();
        assert!(canary.is_spoiled());
        canary.remove();
        assert!(!at(&format!("{path}.open")).exists());
        for closed in [directory.path().to_owned(), directory.path().join("srv")] {
            mode(&closed, 0o700);
            assert!(Canary::lay(open(), nix::unistd::getuid().as_raw()).is_err(), "{}", closed.display());
            mode(&closed, 0o755);
        }
    }

    type Deed = fn(&std::path::Path);

    #[test]
    fn what_was_done_to_a_stake_is_seen() {
        let deeds: [(&str, Deed); 4] = [
            ("nothing", |_| {}),
            ("removed", |file| fs::remove_file(file).unwrap()),
            ("closed", |file| fs::set_permissions(file, fs::Permissions::from_mode(0o000)).unwrap()),
            ("written", |file| fs::write(file, "other").unwrap()),
        ];
        for (word, deed) in deeds {
            let directory = tempfile::tempdir().unwrap();
            fs::write(directory.path().join("canary"), "word").unwrap();
            fs::write(directory.path().join("canary.open"), "word").unwrap();
            let root = Directory::open(directory.path()).unwrap();
            let stakes = Stakes::at(&root, ["canary", "canary.open"].map(|name| ("canary", name.to_owned())));
            assert_eq!(stakes.numbers()["canary"].len(), 2);
            // Two changes within one tick of the clock have the same time.
            std::thread::sleep(std::time::Duration::from_millis(20));
            deed(&directory.path().join("canary"));
            assert_eq!(stakes.spoiled(&root).is_empty(), word == "nothing", "{word}");
        }
    }
}
