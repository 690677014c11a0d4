//! A tree of files: what each is, whose, and what is in it.

use std::collections::BTreeMap;
use std::fs::{self, Metadata};
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};

/// Files up to this size are read, in bytes; of others the times tell.
const MAX_READ: u64 = 1 << 16;

/// Directories below this depth are not looked at.
const MAX_DEPTH: usize = 24;

/// A file: number, type and mode, owner, links, size, device, and the time of the last change of any of these or the
/// content, which nobody can set back (inode(7), ctime).
#[derive(PartialEq, Eq)]
struct File {
    number: (u64, u64),
    mode: u32,
    owner: (u32, u32),
    size: u64,
    device: u64,
    changed: (i64, i64),
    modified: (i64, i64),
    content: Vec<u8>,
}

/// The files of a tree, by their path below its top.
pub struct Tree(BTreeMap<PathBuf, File>);

impl Tree {
    /// Reads it. Links are not followed.
    pub fn of(top: &Path) -> Tree {
        let mut tree = Tree(BTreeMap::new());
        tree.read(top, Path::new(""), 0);
        tree
    }

    fn read(&mut self, path: &Path, name: &Path, depth: usize) {
        let Ok(it) = path.symlink_metadata() else { return };
        self.0.insert(name.to_owned(), File::of(path, &it));
        if it.is_dir() && depth < MAX_DEPTH {
            for entry in fs::read_dir(path).into_iter().flatten().flatten() {
                self.read(&entry.path(), &name.join(entry.file_name()), depth + 1);
            }
        }
    }

    /// What is not as it was, in words.
    pub fn differences(&self, now: &Tree) -> Vec<String> {
        let gone = self.0.iter().filter_map(|(name, before)| match now.0.get(name) {
            None => Some(format!("/{} is gone", name.display())),
            Some(after) => before.difference(after).map(|what| format!("/{}: {what}", name.display())),
        });
        let new = now.0.keys().filter(|name| !self.0.contains_key(*name));
        let new = new.map(|name| format!("/{} is new", name.display()));
        gone.chain(new).collect()
    }
}

impl File {
    fn of(path: &Path, it: &Metadata) -> File {
        let content = match () {
            () if it.is_symlink() => fs::read_link(path).map(|to| to.into_os_string().into_encoded_bytes()),
            () if it.is_file() && it.len() <= MAX_READ => fs::read(path),
            () => Ok(Vec::new()),
        };
        File {
            number: (it.dev(), it.ino()),
            mode: it.mode(),
            owner: (it.uid(), it.gid()),
            size: if it.is_dir() { 0 } else { it.len() },
            device: it.rdev(),
            changed: (it.ctime(), it.ctime_nsec()),
            modified: (it.mtime(), it.mtime_nsec()),
            content: content.unwrap_or_default(),
        }
    }

    fn difference(&self, now: &File) -> Option<String> {
        let changes = [
            ("another file", self.number != now.number),
            ("another type or mode", self.mode != now.mode),
            ("another owner", self.owner != now.owner),
            ("another size", self.size != now.size),
            ("another device", self.device != now.device),
            ("another content", self.content != now.content),
            ("it was written", self.modified != now.modified),
            ("its attributes or links were changed", self.changed != now.changed),
        ];
        let what: Vec<_> =
            changes.into_iter().filter(|(_, changed)| *changed).map(|(what, _)| what).collect();
        (!what.is_empty()).then(|| {
            format!("{} (owner {:?}, mode {:o}, {} bytes)", what.join(", "), now.owner, now.mode, now.size)
        })
    }
}
