//! Which files of a decoy's tree are at stake: known before the program was seen, and looked at again at the end. What
//! a program has spoiled there, nobody could have got.

use super::layout::ROOTFS;
use crate::beneath::Directory;
use nix::sys::stat::FileStat;
use std::collections::BTreeMap;

/// The files, by the name of their place.
pub struct Stakes(Vec<(&'static str, String, FileStat)>);

impl Stakes {
    /// Those of a tree that nobody has used yet. `name` is what the names of its nodes end with.
    pub fn of(root: &Directory, name: &str) -> Stakes {
        let paths = [
            ("canary", "canary".to_owned()),
            ("canary", "canary.open".to_owned()),
            ("node", format!("{ROOTFS}/dev/sda")),
            ("node", format!("{ROOTFS}/node-{name}")),
        ];
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
    use std::os::unix::fs::PermissionsExt;

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
            let stakes = Stakes::of(&root, "name");
            assert_eq!(stakes.numbers()["canary"].len(), 2);
            // Two changes within one tick of the clock have the same time.
            std::thread::sleep(std::time::Duration::from_millis(20));
            deed(&directory.path().join("canary"));
            assert_eq!(stakes.spoiled(&root).is_empty(), word == "nothing", "{word}");
        }
    }
}
