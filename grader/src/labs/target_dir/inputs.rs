//! What lies in a target directory was built from which files, by their content.
//!
//! Cargo takes for built what no file is younger than that it was built from. A file that was unpacked with its old
//! date, or moved back, is older, and so the program that was built before would be graded. The grader therefore notes
//! the content of each file. Where one has changed, and is younger than the note, cargo sees it; where it is not, cargo
//! is told. (`cargo build -Z checksum-freshness` would do the same, and is not stable.)

use crate::atomic_write;
use crate::beneath::Entry;
use crate::cache_dir::Key;
use crate::labs;
use anyhow::{Context, Result};
use serde::{Deserialize, Serialize};
use std::collections::{BTreeMap, BTreeSet};
use std::ffi::OsStr;
use std::fs;
use std::io::Read;
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use std::time::{SystemTime, UNIX_EPOCH};

/// The file in a target directory in which it is noted.
const FILE: &str = "built-from.json";

/// Of a longer file than this only the beginning counts, and its length, in bytes.
const MAX_BYTES: u64 = 64 << 20;

/// A package of the workspace.
#[derive(Debug)]
pub(super) struct Package {
    /// Its name.
    pub(super) name: String,
    /// Its directory.
    pub(super) directory: PathBuf,
    /// Whether it has a build script, which may read any file of the package.
    has_script: bool,
}

impl Package {
    /// The packages that cargo's metadata lists.
    pub(super) fn all(metadata: &serde_json::Value) -> Vec<Package> {
        let list = metadata["packages"].as_array().map(Vec::as_slice).unwrap_or_default();
        let package = |it: &serde_json::Value| {
            let kinds = it["targets"].as_array()?.iter().filter_map(|target| target["kind"].as_array());
            Some(Package {
                name: it["name"].as_str()?.to_owned(),
                directory: Path::new(it["manifest_path"].as_str()?).parent()?.to_owned(),
                has_script: kinds.flatten().any(|kind| kind == "custom-build"),
            })
        };
        list.iter().filter_map(package).collect()
    }

    /// Whether it is a lab, or what all labs use.
    pub(super) fn is_lab(&self) -> bool {
        self.name == "common" || labs::ALL.contains(&self.name.as_str())
    }
}

/// What a file was when it was looked at.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
struct Content {
    /// The key of its bytes.
    key: String,
    /// The seconds and nanoseconds of its modification, since 1970.
    modified: (i64, i64),
}

/// The files from which the labs are built, with their content; none where there is no such file.
#[derive(Debug, Default)]
pub(super) struct Inputs {
    files: BTreeMap<PathBuf, Option<Content>>,
    /// How many of them cargo has named, after an earlier build.
    pub(super) of_builds: usize,
}

impl Inputs {
    /// Reads them: all files of the labs, those that cargo has named after the last builds in the directory `target`, and
    /// all files of packages with a build script that are among them.
    pub(super) fn read(target: &Path, root: &Path, packages: &[Package]) -> Inputs {
        let mut paths = BTreeSet::new();
        for list in lists(target) {
            paths.extend(names(&fs::read(list).unwrap_or_default()).into_iter().map(|name| root.join(name)));
        }
        let of_builds = paths.len();
        for package in packages {
            let is_used = || paths.iter().any(|path| path.starts_with(&package.directory));
            if package.is_lab() || package.has_script && is_used() {
                add_all(&package.directory, &mut paths);
            }
        }
        let read = |path: PathBuf| {
            let content = content(&path);
            (path, content)
        };
        Inputs { files: paths.into_iter().map(read).collect(), of_builds }
    }

    /// Whether one of them lies in this package.
    pub(super) fn is_touched(&self, package: &Package) -> bool {
        self.files.keys().any(|path| path.starts_with(&package.directory))
    }
}

/// The lists that cargo writes beside each program and library that it was asked for (The Cargo Book, "Dep-info Files").
fn lists(target: &Path) -> Vec<PathBuf> {
    let entries = |directory: &Path| {
        fs::read_dir(directory).into_iter().flatten().flatten().map(|it| it.path()).collect::<Vec<_>>()
    };
    let is_profile =
        |path: &PathBuf| path.file_name().is_some_and(|name| name == "debug" || name == "release");
    let first = entries(target);
    // For another platform than the one it runs on, cargo puts a directory in between.
    let second = first.iter().filter(|path| !is_profile(path)).flat_map(|path| entries(path));
    let profiles = first.iter().cloned().chain(second).filter(is_profile);
    profiles
        .flat_map(|profile| entries(&profile))
        .filter(|path| path.extension() == Some(OsStr::new("d")))
        .collect()
}

/// The files that such a list names, after the colon of each line; `\ ` is a space in a name.
fn names(list: &[u8]) -> Vec<PathBuf> {
    let mut found = Vec::new();
    for line in list.split(|byte| *byte == b'\n') {
        let Some(colon) = line.windows(2).position(|pair| pair == b": ") else { continue };
        let mut name = Vec::new();
        let mut bytes = line[colon + 2..].iter().copied().peekable();
        while let Some(byte) = bytes.next() {
            match byte {
                b'\\' if bytes.peek() == Some(&b' ') => name.extend(bytes.next()),
                b' ' => found.push(std::mem::take(&mut name)),
                byte => name.push(byte),
            }
        }
        found.push(name);
    }
    found.retain(|name| !name.is_empty());
    found.iter().map(|name| Path::new(OsStr::from_bytes(name)).to_owned()).collect()
}

/// All files below, except what is hidden or was built.
fn add_all(directory: &Path, paths: &mut BTreeSet<PathBuf>) {
    for entry in fs::read_dir(directory).into_iter().flatten().flatten() {
        let name = entry.file_name();
        if entry.file_type().is_ok_and(|kind| kind.is_dir()) {
            if name != "target" && !name.as_bytes().starts_with(b".") {
                add_all(&entry.path(), paths);
            }
        } else {
            paths.insert(entry.path());
        }
    }
}

/// What a regular file holds; links are followed, as cargo does.
fn content(path: &Path) -> Option<Content> {
    let mut bytes = Vec::new();
    let file = Entry::at(path).and_then(|it| it.read()).ok()?;
    let it = file.metadata().ok()?;
    file.take(MAX_BYTES).read_to_end(&mut bytes).ok()?;
    let key = Key::of([bytes.as_slice(), &it.len().to_le_bytes()]).name();
    Some(Content { key, modified: (it.mtime(), it.mtime_nsec()) })
}

/// What was noted after the last build.
#[derive(Debug, Default, Serialize, Deserialize)]
pub(super) struct Record {
    /// The key of the workspace's path.
    root: String,
    /// By the key of the path.
    files: BTreeMap<String, Content>,
    /// When it was written: nothing in the directory is younger. Of the file itself, since clocks differ.
    #[serde(skip)]
    written: Option<SystemTime>,
}

impl Record {
    /// Reads it. Without one that is whole, and of this workspace, nothing is known.
    pub(super) fn read(target: &Path, root: &Path) -> Record {
        let path = target.join(FILE);
        let read = || {
            let written = fs::symlink_metadata(&path).ok()?.modified().ok()?;
            let record: Record = serde_json::from_slice(&fs::read(&path).ok()?).ok()?;
            (record.root == key_of(root)).then_some(Record { written: Some(written), ..record })
        };
        read().unwrap_or_default()
    }

    /// Says that a build has begun: if it is not heard of again, nothing is known.
    pub(super) fn begin(target: &Path) -> Result<()> {
        match fs::remove_file(target.join(FILE)) {
            Err(error) if error.kind() != std::io::ErrorKind::NotFound => {
                Err(error).with_context(|| target.join(FILE).display().to_string())
            }
            _ => Ok(()),
        }
    }

    /// What is to be noted after a build: the files that have not changed meanwhile.
    pub(super) fn of(root: &Path, before: &Inputs, after: Inputs) -> Record {
        let same = |(path, content): (PathBuf, Option<Content>)| {
            let same = before.files.get(&path).is_none_or(|it| *it == content);
            Some((key_of(&path), content.filter(|_| same)?))
        };
        Record {
            root: key_of(root),
            files: after.files.into_iter().filter_map(same).collect(),
            written: None,
        }
    }

    /// Writes it.
    ///
    /// # Errors
    /// What the system said.
    pub(super) fn write(&self, target: &Path) -> Result<()> {
        atomic_write::write(&target.join(FILE), &serde_json::to_vec(self)?)
    }

    /// The files that have changed since without being younger than the record: cargo does not see it.
    pub(super) fn unseen<'a>(&self, now: &'a Inputs) -> Vec<&'a Path> {
        let written = self.written.and_then(|it| it.duration_since(UNIX_EPOCH).ok());
        let written = written.map(|it| (it.as_secs() as i64, i64::from(it.subsec_nanos())));
        let is_unseen = |(path, content): &(&PathBuf, &Option<Content>)| match (content, written) {
            (None, written) => written.is_none() || self.files.contains_key(&key_of(path)),
            (Some(_), None) => true,
            (Some(now), Some(written)) => {
                let same = |was: &Content| was.key == now.key && was.modified <= now.modified;
                !self.files.get(&key_of(path)).is_some_and(same) && now.modified <= written
            }
        };
        now.files.iter().filter(is_unseen).map(|(path, _)| path.as_path()).collect()
    }
}

fn key_of(path: &Path) -> String {
    Key::of([path.as_os_str().as_bytes()]).name()
}
