//! Noticing that a file was saved.
//!
//! The kernel tells of what its own processes write. Of a file that another machine writes (on a network, or outside
//! of a virtual machine) it tells nothing: such directories are looked at again and again.

use super::Event;
use crate::beneath::Entry;
use crate::cache_dir::Key;
use anyhow::{Context, Result};
use nix::libc;
use nix::sys::statfs::statfs;
use notify::{Config, EventKind, PollWatcher, RecommendedWatcher, RecursiveMode, Watcher};
use std::fs;
use std::io::Read;
use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};
use std::sync::mpsc::Sender;
use std::time::Duration;

/// No file of a lab's source is longer.
const MAX_BYTES: u64 = 16 << 20;

/// How often a directory is looked at of which the kernel tells nothing.
const POLL: Duration = Duration::from_millis(250);

/// What notices. It ends when it is dropped.
pub struct Notice {
    /// Why directories are looked at again and again, if they are.
    pub polling: Option<String>,
    root: PathBuf,
    watcher: Box<dyn Watcher + Send>,
}

impl Notice {
    /// Begins to notice what is saved in the workspace at `root`; [`Event::Saved`] tells of it. `poll`: don't rely on
    /// the kernel.
    ///
    /// # Errors
    /// The directory can't be read.
    pub fn start(root: &Path, poll: bool, events: Sender<Event>) -> Result<Notice> {
        let mut polling = match poll {
            true => Some("--poll".to_owned()),
            false => silent(root).map(|name| format!("the kernel tells nothing of files on {name}")),
        };
        if polling.is_none() {
            match by_kernel(root, events.clone()) {
                Ok(watcher) => return Ok(Notice { polling, root: root.to_owned(), watcher }),
                // The limits of inotify(7) are for all programs of a user together.
                Err(error) => polling = Some(format!("inotify(7): {error}")),
            }
        }
        let config = Config::default().with_poll_interval(POLL).with_compare_contents(true);
        let mut watcher = PollWatcher::new(tell(events), config).context("watching files")?;
        watch(&mut watcher, root).with_context(|| format!("watching {}", root.display()))?;
        Ok(Notice { polling, root: root.to_owned(), watcher: Box::new(watcher) })
    }

    /// Looks for the packages again: one that was moved away and another put in its place is another directory.
    pub fn look_again(&mut self) {
        // What is missing now is looked for after the next change.
        let _ = watch(&mut *self.watcher, &self.root);
    }
}

fn by_kernel(root: &Path, events: Sender<Event>) -> notify::Result<Box<dyn Watcher + Send>> {
    let mut watcher = RecommendedWatcher::new(tell(events), Config::default())?;
    watch(&mut watcher, root)?;
    Ok(Box::new(watcher))
}

/// The labs' directories and what lies beside them: never `target`, where a build writes thousands of files.
fn watch(watcher: &mut dyn Watcher, root: &Path) -> notify::Result<()> {
    watcher.watch(root, RecursiveMode::NonRecursive)?;
    packages(root).try_for_each(|directory| watcher.watch(&directory, RecursiveMode::Recursive))
}

fn tell(events: Sender<Event>) -> impl Fn(notify::Result<notify::Event>) + Send + 'static {
    move |event| {
        let saved = match event {
            // What was missed may be a save.
            Err(_) => true,
            Ok(event) if event.need_rescan() => true,
            Ok(event) => {
                !matches!(event.kind, EventKind::Access(_))
                    && event.paths.iter().any(|path| is_source(path) || path.extension().is_none())
            }
        };
        if saved {
            let _ = events.send(Event::Saved);
        }
    }
}

/// Whether a file is one that a lab is built from. What editors write beside it is not: their names begin with a dot
/// or a hash, or end otherwise.
fn is_source(path: &Path) -> bool {
    let name = path.file_name().and_then(|name| name.to_str()).unwrap_or_default();
    let ending = path.extension().and_then(|ending| ending.to_str());
    !name.starts_with(['.', '#']) && matches!(ending, Some("rs" | "toml"))
}

/// The directories of the packages: `common` and the labs.
fn packages(root: &Path) -> impl Iterator<Item = PathBuf> {
    let entries = fs::read_dir(root).into_iter().flatten().flatten();
    let mut found: Vec<PathBuf> = entries.map(|entry| entry.path()).filter(|path| is_package(path)).collect();
    found.sort();
    found.into_iter()
}

fn is_package(path: &Path) -> bool {
    let name = path.file_name().and_then(|name| name.to_str()).unwrap_or_default();
    let is_ours = name == "common" || number(name).is_some();
    is_ours && fs::symlink_metadata(path).is_ok_and(|it| it.is_dir())
}

fn number(name: &str) -> Option<usize> {
    name.strip_prefix("lab")?.split('-').next()?.parse().ok()
}

/// A name that changes when a file changes from which a lab is built: its own, `common`'s, those of the labs before
/// it, and the workspace's manifest. Of no use but to be compared with another.
pub fn fingerprint(root: &Path, lab: usize) -> String {
    let mut key = Key::default();
    for file in ["Cargo.toml", "rust-toolchain.toml", "rust-toolchain"] {
        add_file(&root.join(file), &mut key);
    }
    for package in packages(root) {
        let of_a_later_lab =
            package.file_name().and_then(|name| number(name.to_str()?)).is_some_and(|number| number > lab);
        if !of_a_later_lab {
            add(&package, &mut key);
        }
    }
    key.name()
}

fn add(directory: &Path, key: &mut Key) {
    let entries = fs::read_dir(directory).into_iter().flatten().flatten();
    let mut paths: Vec<PathBuf> = entries.map(|entry| entry.path()).collect();
    paths.sort();
    for path in paths {
        let Ok(it) = fs::symlink_metadata(&path) else { continue };
        if it.is_dir() && path.file_name().is_none_or(|name| name != "target") {
            add(&path, key);
        } else if is_source(&path) {
            add_file(&path, key);
        }
    }
}

fn add_file(path: &Path, key: &mut Key) {
    key.add(path.as_os_str().as_bytes());
    // A file that can't be read now is one that has changed.
    match read(path) {
        Some(bytes) => key.add(bytes),
        None => key.add([]),
    }
}

/// The bytes of a file: of a regular one, since a named pipe is never read to its end.
fn read(path: &Path) -> Option<Vec<u8>> {
    let mut bytes = Vec::new();
    let file = Entry::at(path).and_then(|it| it.read()).ok()?;
    file.take(MAX_BYTES).read_to_end(&mut bytes).ok()?;
    Some(bytes)
}

/// The name of the file system where that is one of whose files the kernel may not tell when they are written. The
/// numbers are those of `linux/magic.h` and of the drivers.
fn silent(root: &Path) -> Option<&'static str> {
    const SILENT: [(libc::c_long, &str); 12] = [
        (0x6969, "NFS"),
        (0x517B, "SMB"),
        (0xFF53_4D42_u32 as libc::c_long, "CIFS"),
        (0xFE53_4D42_u32 as libc::c_long, "SMB2"),
        (0x0102_1997, "9p"),
        (0x6573_5546, "FUSE"),
        (0x786F_4256, "a VirtualBox folder"),
        (0xBACB_ACBC_u32 as libc::c_long, "a VMware folder"),
        (0x7C7C_6673, "a Parallels folder"),
        (0x5346_414F, "AFS"),
        (0x00C3_6400, "Ceph"),
        (0x7375_7245, "Coda"),
    ];
    let found = statfs(root).ok()?.filesystem_type().0;
    // The numbers have 32 bits, whatever the type has.
    let same = |magic: libc::c_long| magic as u32 == found as u32;
    SILENT.iter().find(|(magic, _)| same(*magic)).map(|(_, name)| *name)
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::sync::mpsc;

    #[test]
    fn what_editors_write_beside_a_file_is_no_source() {
        for name in ["lib.rs", "src/lib.rs", "Cargo.toml", "build.rs"] {
            assert!(is_source(Path::new(name)), "{name}");
        }
        for name in [".lib.rs.swp", "lib.rs~", ".#lib.rs", "#lib.rs#", "4913", "lib.rs.orig", "Cargo.lock"] {
            assert!(!is_source(Path::new(name)), "{name}");
        }
    }

    /// A workspace with a lab 1 and a lab 2.
    fn workspace() -> tempfile::TempDir {
        let workspace = tempfile::tempdir().unwrap();
        for package in ["common", "lab1-a", "lab2-b", "target/debug"] {
            fs::create_dir_all(workspace.path().join(package).join("src")).unwrap();
            fs::write(workspace.path().join(package).join("src/lib.rs"), package).unwrap();
        }
        workspace
    }

    #[test]
    fn the_fingerprint_is_of_what_the_lab_is_built_from() {
        let workspace = workspace();
        let write = |file: &str, text: &str| fs::write(workspace.path().join(file), text).unwrap();
        let now = || fingerprint(workspace.path(), 1);
        let mut before = now();
        for (file, counts) in [
            ("lab1-a/src/lib.rs", true),
            ("common/src/lib.rs", true),
            ("lab1-a/src/new.rs", true),
            ("lab1-a/build.rs", true),
            ("Cargo.toml", true),
            ("lab2-b/src/lib.rs", false),
            ("target/debug/src/lib.rs", false),
            ("lab1-a/src/.lib.rs.swp", false),
            ("Cargo.lock", false),
        ] {
            write(file, "changed");
            assert_eq!(before != now(), counts, "{file}");
            before = now();
        }
        fs::remove_file(workspace.path().join("lab1-a/src/new.rs")).unwrap();
        assert_ne!(before, now());
    }

    #[test]
    fn both_ways_notice_a_save() {
        for poll in [false, true] {
            let workspace = workspace();
            let (send, events) = mpsc::channel();
            let mut notice = Notice::start(workspace.path(), poll, send).unwrap();
            assert_eq!(notice.polling.is_some(), poll || silent(workspace.path()).is_some());
            // As many editors save: another file, moved over the first.
            let beside = workspace.path().join("lab1-a/src/lib.rs.new");
            fs::write(&beside, "changed").unwrap();
            fs::rename(&beside, workspace.path().join("lab1-a/src/lib.rs")).unwrap();
            let saved = || {
                assert!(
                    matches!(events.recv_timeout(Duration::from_secs(60)), Ok(Event::Saved)),
                    "poll: {poll}"
                )
            };
            saved();
            // As git exchanges a directory.
            fs::rename(workspace.path().join("lab1-a"), workspace.path().join("old")).unwrap();
            fs::create_dir_all(workspace.path().join("lab1-a/src")).unwrap();
            saved();
            notice.look_again();
            while events.recv_timeout(2 * POLL).is_ok() {}
            fs::write(workspace.path().join("lab1-a/src/lib.rs"), "new").unwrap();
            saved();
        }
    }
}
