//! Keeps the embedded rootfs: `<cache>/rootfs/<key>/`, where the key changes when the machine's files do.
//!
//! Several graders may run at once, and each may be killed. So a rootfs is built under another name beside its
//! place and renamed into it; who comes second finds it there and uses it. Nothing that another run may still read is
//! removed: an old rootfs goes a day after its last use, a half-built one after an hour.

use super::inputs::Inputs;
use super::make::{below, explain, fill, remove};
use super::root::Root;
use super::{Rootfs, fixed};
use anyhow::{Context, Result};
use nix::errno::Errno;
use nix::libc;
use std::ffi::CString;
use std::fs::{self, DirBuilder, File};
use std::io::ErrorKind;
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::DirBuilderExt;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::{Duration, SystemTime};

/// What is being built, or is on its way out.
const PART: &str = ".part-";
/// No build takes as long: its maker is dead.
const DEAD: Duration = Duration::from_secs(60 * 60);
/// No run that uses a rootfs takes as long.
const UNUSED: Duration = Duration::from_secs(24 * 60 * 60);
/// The machine's files may change while they are copied: an upgrade is running. Then once more.
const TRIES: u32 = 3;

/// A directory in which embedded root file systems are kept.
#[derive(Clone, Debug)]
pub struct Cache {
    dir: PathBuf,
}

impl Cache {
    /// The cache below `directory`, usually [`crate::dirs::cache`].
    pub fn at(directory: &Path) -> Cache {
        Cache { dir: directory.join("rootfs") }
    }

    /// The rootfs of `machine`; made where it is missing or damaged.
    ///
    /// # Errors
    /// The machine has no shell, or the cache can't be written; then nothing is left in it.
    pub fn embedded(&self, machine: &Root) -> Result<Rootfs> {
        let inputs = Inputs::of(machine)?;
        let place = self.dir.join(inputs.key());
        if fits(&inputs, &place) {
            used(&place);
            self.sweep(&place);
            return Ok(inputs.rootfs(&place));
        }
        self.build(machine, inputs, false)
    }

    /// The same, made anew in any case.
    ///
    /// # Errors
    /// As [`Cache::embedded`].
    pub fn rebuild(&self, machine: &Root) -> Result<Rootfs> {
        self.build(machine, Inputs::of(machine)?, true)
    }

    fn build(&self, machine: &Root, mut inputs: Inputs, anew: bool) -> Result<Rootfs> {
        let elsewhere = "or set XDG_CACHE_HOME to a directory on another disk";
        let trouble = |error: anyhow::Error| explain(&error, &self.dir, elsewhere);
        for _ in 0..TRIES {
            let part = self.part().map_err(trouble)?;
            let written = fill(&inputs, machine, &part).and_then(|()| Inputs::of(machine));
            let now = written.inspect_err(|_| remove(&part)).map_err(trouble)?;
            if now.key() == inputs.key() {
                let place = self.dir.join(inputs.key());
                put(&part, &place, |old| !anew && fits(&inputs, old)).map_err(trouble)?;
                self.sweep(&place);
                return Ok(inputs.rootfs(&place));
            }
            remove(&part);
            inputs = now;
        }
        anyhow::bail!("the machine's programs change while they are copied: wait until its upgrade is done")
    }

    /// A new directory to build in, on the file system of its later place: rename(2) works within one only.
    fn part(&self) -> Result<PathBuf> {
        static COUNT: AtomicU32 = AtomicU32::new(0);
        let mut builder = DirBuilder::new();
        builder.mode(0o700);
        builder.recursive(true).create(&self.dir).context("making the directory")?;
        // Process ids repeat from container to container, and the cache may be shared by several; time does not.
        let time = SystemTime::UNIX_EPOCH.elapsed().map_or(0, |time| time.as_nanos());
        let count = COUNT.fetch_add(1, Ordering::Relaxed);
        let part = self.dir.join(format!("{PART}{}-{time}-{count}", std::process::id()));
        builder.recursive(false).create(&part).context("making a directory in it")?;
        Ok(part)
    }

    /// Removes what nobody uses. What can't be removed is left to the next run.
    fn sweep(&self, current: &Path) {
        for entry in fs::read_dir(&self.dir).into_iter().flatten().flatten() {
            let (path, name) = (entry.path(), entry.file_name());
            let name = name.to_string_lossy();
            let is_key = name.len() == 32 && name.bytes().all(|byte| byte.is_ascii_hexdigit());
            if name.starts_with(PART) && unused(&path, DEAD) {
                remove(&path);
            } else if is_key && path != current && unused(&path, UNUSED) {
                self.discard(&path);
            }
        }
    }

    /// Takes a rootfs out under another name first, so that half of one never stands in the place of a whole one.
    fn discard(&self, path: &Path) {
        let Ok(part) = self.part() else { return };
        if fs::rename(path, &part).is_ok() {
            remove(&part);
        } else {
            let _ = fs::remove_dir(&part);
        }
    }
}

/// Marks a rootfs as in use from now on.
fn used(path: &Path) {
    let _ = File::open(path).and_then(|directory| directory.set_modified(SystemTime::now()));
}

/// Was it last used or changed longer ago? Not where the clock says otherwise: a time in the future is no age.
fn unused(path: &Path, since: Duration) -> bool {
    let changed = fs::symlink_metadata(path).and_then(|found| found.modified());
    changed.is_ok_and(|time| time.elapsed().is_ok_and(|age| age > since))
}

/// Moves a finished rootfs to its place. Where one stands already, the old one stays if `good`, and else goes out of
/// the way: another run may have it open, so the sweep takes it, an hour later.
fn put(part: &Path, place: &Path, good: impl Fn(&Path) -> bool) -> Result<()> {
    let moved = match fs::rename(part, place) {
        Ok(()) => return Ok(()),
        Err(error) => error,
    };
    let kind = moved.kind();
    let taken = [ErrorKind::DirectoryNotEmpty, ErrorKind::AlreadyExists, ErrorKind::NotADirectory];
    if !taken.contains(&kind) {
        remove(part);
        return Err(moved).with_context(|| format!("moving it to {}", place.display()));
    }
    if good(place) {
        remove(part);
        return Ok(());
    }
    let swapped = exchange(part, place);
    if swapped.is_ok() {
        used(part);
    } else {
        remove(part);
    }
    swapped.with_context(|| format!("replacing {}; remove that directory", place.display()))
}

/// renameat2(2) with RENAME_EXCHANGE: at no moment is there nothing at either name. nix has it for glibc only.
fn exchange(one: &Path, other: &Path) -> nix::Result<()> {
    let text = |path: &Path| CString::new(path.as_os_str().as_bytes()).map_err(|_| Errno::EINVAL);
    let (one, other) = (text(one)?, text(other)?);
    let here = libc::AT_FDCWD;
    // SAFETY: both paths end in NUL and outlive the call, which only reads them.
    let answer = unsafe {
        libc::syscall(libc::SYS_renameat2, here, one.as_ptr(), here, other.as_ptr(), libc::RENAME_EXCHANGE)
    };
    Errno::result(answer).map(drop)
}

/// Is the whole rootfs there? Sizes only: who changes a file in the cache and keeps its size means to.
fn fits(inputs: &Inputs, place: &Path) -> bool {
    let found = |path: &Path| fs::symlink_metadata(path).ok();
    let file = |path: &Path, size: u64| found(path).is_some_and(|f| f.is_file() && f.len() == size);
    inputs.files.iter().all(|input| file(&below(place, &input.to), input.stat.st_size as u64))
        && inputs.links.iter().all(|(link, _)| found(&below(place, link)).is_some_and(|f| f.is_symlink()))
        && fixed::DIRECTORIES.iter().all(|(name, _)| found(&place.join(name)).is_some_and(|f| f.is_dir()))
        && fixed::LINKS.iter().all(|(link, _)| found(&place.join(link)).is_some_and(|f| f.is_symlink()))
        && fixed::ETC.iter().all(|(name, text)| file(&place.join("etc").join(name), text.len() as u64))
        && file(&place.join("etc/machine-id"), 33)
}
