//! What has changed in a decoy since it was made, as its PID 1 sees it.
//!
//! A decoy costs more than a trial. Where nothing has changed it serves for the next one too.

use super::Plan;
use super::belongings::Belongings;
use super::layout::{READ_ONLY, ROOTFS, host_mount};
use super::messages::{Changes, MAX_MOUNTINFO, MAX_SETUID, Names};
use super::mount_lines::differences;
use super::own_view::{mount_point, mountinfo, mounts, name, processes};
use super::services::Services;
use crate::beneath::{Directory, is};
use anyhow::{Context, Result, bail};
use nix::fcntl::AtFlags;
use nix::libc;
use nix::sys::stat::{FileStat, SFlag, fstatat};
use nix::unistd::Pid;
use std::collections::{BTreeMap, BTreeSet};
use std::ffi::OsString;
use std::io::{BufRead, BufReader};
use std::ops::ControlFlow;
use std::os::fd::OwnedFd;
use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};

/// Directories that lie deeper are none that the grader has made: it copies 100 levels of a tree.
const MAX_DEPTH: usize = 300;

/// What is new in a tree is counted up to here.
const MAX_NEW: usize = 200_000;

/// As much of the end of a path as is told: a name is not longer (NAME_MAX).
const MAX_NAME: usize = 255;

/// What a decoy looked like at some moment.
#[derive(Debug)]
pub struct TreeState {
    mounts: String,
    processes: BTreeSet<i32>,
    files: Files,
    belongings: Belongings,
    /// Paths of what is the program's own.
    programs: Vec<PathBuf>,
    /// Where a file system of the host's is mounted.
    host_mount: &'static str,
}

/// Every file of the decoy's own, with what is not to change. As strings, which are compared sooner than paths.
pub type Files = BTreeMap<OsString, FileMark>;

/// What is not to change of a file: it tells of every write and every change of rights. A directory's own times
/// and size change with what is put into it, and are no part of this.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct FileMark {
    mode: u32,
    owner: (u32, u32),
    inode: u64,
    written: Option<(i64, i64, i64)>,
}

/// What has become of the mount table.
pub struct MountChanges {
    /// The table, if it is no longer than [`MAX_MOUNTINFO`].
    pub table: Option<String>,
    /// By mount points. Where one is mounted on another, each counts.
    pub points: Changes,
    /// Those that are there and not as they were.
    pub other: Names,
}

/// What has become of the files.
pub struct FileChanges {
    /// By paths.
    pub paths: Changes,
    /// The new directories in which there is nothing: see [`STATE`].
    pub empty: Names,
    /// Those of the host's own that are others than they were, or gone.
    pub changed: Names,
    /// The end of the path of each file that is set-user-ID and root's and was not; none where there are more than
    /// [`MAX_SETUID`].
    pub setuid: Option<Vec<String>>,
}

impl Default for FileChanges {
    fn default() -> FileChanges {
        let (paths, empty, changed) = <(Changes, Names, Names)>::default();
        FileChanges { paths, empty, changed, setuid: Some(Vec::new()) }
    }
}

/// Where programs keep what they need as long as they run (hier(7)), and the root file system, which is the container's.
const STATE: [&str; 6] = ["/run", "/var/run", "/var/lib", "/var/lock", "/var/cache", ROOTFS];

/// Directories that are new, and in which nothing was seen so far. A program may make very many.
#[derive(Default)]
struct EmptyDirectories(BTreeSet<PathBuf>);

impl EmptyDirectories {
    /// Sees something new: what lies in a directory comes after it.
    fn see(&mut self, path: &Path, mark: &FileMark) {
        self.0.remove(path.parent().unwrap_or(path));
        let is_state = STATE.iter().any(|state| path.starts_with(state));
        if mark.mode & libc::S_IFMT == libc::S_IFDIR && !is_state && self.0.len() < MAX_EMPTY {
            self.0.insert(path.to_owned());
        }
    }
}

/// So many of them are looked at.
const MAX_EMPTY: usize = 1000;

impl TreeState {
    /// What it looks like now, made from this plan.
    pub fn now(services: &Services, victim: Pid, plan: &Plan) -> Result<TreeState> {
        let (proc, host_mount) = (&services.proc, host_mount(plan));
        Ok(TreeState {
            mounts: mounts(proc)?,
            processes: processes(proc)?,
            files: files(host_mount)?,
            belongings: Belongings::now(services, victim)?,
            programs: plan.files.iter().map(|(_, there)| there.clone()).collect(),
            host_mount,
        })
    }

    /// What is the host's own and not as it was, besides files.
    pub fn changed_belongings(&self, services: &Services, victim: Pid) -> Result<Names> {
        let mut changed = Names::default();
        let now = Belongings::now(services, victim)?;
        now.changed_since(&self.belongings).into_iter().for_each(|name| changed.add(name));
        Ok(changed)
    }

    /// Whether a file is the host's or its caller's, and neither the container's nor the program's.
    fn is_the_hosts(&self, path: &Path) -> bool {
        !path.starts_with(ROOTFS) && !self.programs.iter().any(|own| path.starts_with(own))
    }

    /// Whether everything but the processes is as it was. Files that are new are put away first: whoever looks for
    /// them has looked.
    pub fn holds(&self, proc: &OwnedFd, name_now: &str) -> Result<bool> {
        if mounts(proc)? != self.mounts || name()? != name_now {
            return Ok(false);
        }
        put_away(&Directory::open(Path::new("/"))?, files(self.host_mount)?, &self.files)
    }

    /// How the mount table differs. It is read line by line: a program may make a hundred thousand mounts.
    pub fn mount_changes(&self, proc: &OwnedFd) -> Result<MountChanges> {
        let mut gone: BTreeMap<&str, usize> = BTreeMap::new();
        for line in self.mounts.lines() {
            *gone.entry(mount_point(line)).or_default() += 1;
        }
        let (mut points, mut table) = (Changes::default(), Some(String::new()));
        for line in BufReader::new(mountinfo(proc)?).split(b'\n') {
            let line = line.context("mountinfo")?;
            let line = String::from_utf8_lossy(&line);
            match gone.get_mut(mount_point(&line)) {
                Some(count @ 1..) => *count -= 1,
                _ => points.new.add(mount_point(&line)),
            }
            table = table.filter(|table| table.len() + line.len() < MAX_MOUNTINFO);
            table.iter_mut().for_each(|table| table.extend([&*line, "\n"]));
        }
        gone.iter().for_each(|(point, count)| (0..*count).for_each(|_| points.gone.add(point)));
        let other = match &table {
            Some(now) => differences(&self.mounts, now),
            None => Names::one("it is too long to be compared"),
        };
        Ok(MountChanges { table, points, other })
    }

    /// How the files differ. What is new is counted and not kept.
    pub fn file_changes(&self) -> Result<FileChanges> {
        let mut changes = FileChanges::default();
        let mut empty = EmptyDirectories::default();
        let mut gone: BTreeSet<&OsString> = self.files.keys().collect();
        let whole = each_file(self.host_mount, &mut |path, mark| {
            let was = self.files.get(&path);
            if !gone.remove(&path) {
                changes.paths.new.add(&path.to_string_lossy());
                empty.see(Path::new(&path), &mark);
            }
            if was.is_some_and(|was| mark.differs(was)) && self.is_the_hosts(Path::new(&path)) {
                changes.changed.add(&path.to_string_lossy());
            }
            if mark.is_roots_set_user_id() && !was.is_some_and(FileMark::is_roots_set_user_id) {
                changes.setuid = changes.setuid.take().filter(|all| all.len() < MAX_SETUID);
                changes.setuid.iter_mut().for_each(|all| all.push(end_of(&path)));
            }
            let many = changes.paths.new.count >= MAX_NEW;
            Ok(if many { ControlFlow::Break(()) } else { ControlFlow::Continue(()) })
        })?;
        empty.0.iter().for_each(|path| changes.empty.add(&path.to_string_lossy()));
        if whole.is_continue() {
            for path in gone {
                let name = path.to_string_lossy();
                changes.paths.gone.add(&name);
                if self.is_the_hosts(Path::new(path)) {
                    changes.changed.add(&name);
                }
            }
        } else {
            // Others may be among those that were not looked at.
            changes.setuid = None;
        }
        Ok(changes)
    }

    /// Whether there are the same processes.
    pub fn same_processes(&self, proc: &OwnedFd) -> Result<bool> {
        Ok(processes(proc)? == self.processes)
    }

    /// Notes that one process was put in the place of another.
    pub fn replace_process(&mut self, old: Pid, new: Pid) {
        self.processes.remove(&old.as_raw());
        self.processes.insert(new.as_raw());
    }
}

impl FileMark {
    fn of(it: &FileStat) -> FileMark {
        FileMark {
            mode: it.st_mode,
            owner: (it.st_uid, it.st_gid),
            inode: it.st_ino,
            written: (!is(it, SFlag::S_IFDIR)).then_some((it.st_size, it.st_mtime, it.st_mtime_nsec)),
        }
    }

    /// Whether it is another file, or has other rights or another content. A device is written to by whoever uses it.
    fn differs(&self, was: &FileMark) -> bool {
        let rights = |it: &FileMark| (it.mode, it.owner, it.inode);
        let is_file = self.mode & libc::S_IFMT == libc::S_IFREG;
        rights(self) != rights(was) || is_file && self.written != was.written
    }

    /// Whether whoever executes it has the rights of the decoy's root.
    pub fn is_roots_set_user_id(&self) -> bool {
        let kind = libc::S_IFMT | libc::S_ISUID;
        self.owner.0 == 0 && self.mode & kind == libc::S_IFREG | libc::S_ISUID
    }
}

/// The files of the decoy's own tree and of its volumes, as the decoy's processes see them.
fn files(host_mount: &str) -> Result<Files> {
    let mut found = Files::new();
    each_file(host_mount, &mut |path, mark| keep(&mut found, path, mark)).map(|_| found)
}

/// The files of a tree, without what is mounted in it. Their paths begin with `/`, its top.
///
/// # Errors
/// What the system said; the tree is nested deeper than any that the grader makes.
pub fn files_of(root: &Directory) -> Result<Files> {
    let mut found = Files::new();
    let see: See = &mut |path, mark| keep(&mut found, path, mark);
    Walk { device: root.stat()?.st_dev, but: None, see }.list(root, Path::new("/"), 0).map(|_| found)
}

fn keep(found: &mut Files, path: OsString, mark: FileMark) -> Result<ControlFlow<()>> {
    if Path::new(&path).components().count() > MAX_DEPTH {
        bail!("directories are nested more than {MAX_DEPTH} deep");
    }
    found.insert(path, mark);
    Ok(ControlFlow::Continue(()))
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

/// Whom each file is shown, until it has seen enough.
type See<'a> = &'a mut dyn FnMut(OsString, FileMark) -> Result<ControlFlow<()>>;

/// Shows each file of the decoy's own tree and of its volumes, as the decoy's processes see them.
fn each_file(host_mount: &str, see: See) -> Result<ControlFlow<()>> {
    let root = Directory::open(Path::new("/")).context("/")?;
    // There the rootfs is seen for a second time.
    let mut own = Walk { device: root.stat()?.st_dev, but: Some(Path::new(READ_ONLY)), see };
    if own.list(&root, Path::new("/"), 0)?.is_break() {
        return Ok(ControlFlow::Break(()));
    }
    let volume = root.below(ROOTFS).and_then(|rootfs| rootfs.in_root("data"));
    // A volume that is not mounted any more is seen in the mount table.
    for (top, name) in [(root.below(host_mount), host_mount.into()), (volume, Path::new(ROOTFS).join("data"))]
    {
        let Ok(top) = top else { continue };
        let mut volume = Walk { device: top.stat()?.st_dev, but: None, see: &mut *own.see };
        if volume.list(&top, &name, 0)?.is_break() {
            return Ok(ControlFlow::Break(()));
        }
    }
    Ok(ControlFlow::Continue(()))
}

/// A walk over one file system.
struct Walk<'a> {
    device: u64,
    /// What is left out.
    but: Option<&'a Path>,
    see: See<'a>,
}

impl Walk<'_> {
    /// Shows what is in a directory. What lies below [`MAX_DEPTH`] directories is passed over.
    fn list(&mut self, directory: &Directory, path: &Path, depth: usize) -> Result<ControlFlow<()>> {
        for name in directory.names().with_context(|| path.display().to_string())? {
            let path = path.join(&name);
            if Some(path.as_path()) == self.but {
                continue;
            }
            let Ok(it) = fstatat(directory, name.as_os_str(), AtFlags::AT_SYMLINK_NOFOLLOW) else { continue };
            if it.st_dev != self.device {
                continue;
            }
            if (self.see)(path.clone().into_os_string(), FileMark::of(&it))?.is_break() {
                return Ok(ControlFlow::Break(()));
            }
            if is(&it, SFlag::S_IFDIR) && depth < MAX_DEPTH {
                let below = directory.below(&name).with_context(|| path.display().to_string())?;
                if self.list(&below, &path, depth + 1)?.is_break() {
                    return Ok(ControlFlow::Break(()));
                }
            }
        }
        Ok(ControlFlow::Continue(()))
    }
}

/// The end of a path: its name, at least.
fn end_of(path: &OsString) -> String {
    let bytes = path.as_bytes();
    String::from_utf8_lossy(&bytes[bytes.len().saturating_sub(MAX_NAME)..]).into_owned()
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::fs;

    #[test]
    fn a_tree_too_deep_is_an_error_where_it_has_to_be_put_away() {
        let directory = tempfile::tempdir().unwrap();
        let deep: std::path::PathBuf = (0..MAX_DEPTH + 1).map(|_| "d").collect();
        fs::create_dir_all(directory.path().join(deep)).unwrap();
        let error = files_of(&Directory::open(directory.path()).unwrap()).unwrap_err();
        assert_eq!(error.to_string(), "directories are nested more than 300 deep");
    }

    #[test]
    fn what_is_left_out_for_its_decoy_is_put_away_with_its_tree() {
        let directory = tempfile::tempdir().unwrap();
        fs::create_dir_all(directory.path().join(READ_ONLY.trim_start_matches('/'))).unwrap();
        let found = files_of(&Directory::open(directory.path()).unwrap()).unwrap();
        assert!(found.contains_key(Path::new(READ_ONLY).as_os_str()), "{found:?}");
    }

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
