//! Keeps the embedded rootfs: `<cache>/rootfs/<key>/`, where the key changes when the machine's files do.
//!
//! Several graders may run at once, and each may be killed. So a rootfs is built under another name beside its
//! place and renamed into it; who comes second finds it there and uses it. Nothing that another run may still read is
//! removed: an old rootfs goes a day after its last use, a half-built one after an hour.

use super::inputs::Inputs;
use super::make::{below, explain, fill};
use super::root::Root;
use super::{Rootfs, fixed};
use crate::beneath::Directory;
use anyhow::{Context, Result};
use nix::libc;
use std::ffi::{OsStr, OsString};
use std::fs::{self, DirBuilder, File};
use std::io::ErrorKind;
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
    /// The cache below `directory`, usually [`crate::cache_dir::cache`].
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
            let cache = self.open().map_err(trouble)?;
            let part = part(&cache).map_err(trouble)?;
            let fill = || fill(&inputs, machine, &cache.below(&part)?, &self.dir.join(&part));
            let written = fill().and_then(|()| Inputs::of(machine));
            let now = written.inspect_err(|_| remove(&cache, &part)).map_err(trouble)?;
            if now.key() == inputs.key() {
                let (key, place) = (inputs.key(), self.dir.join(inputs.key()));
                put(&cache, &part, key.as_ref(), || !anew && fits(&inputs, &place)).map_err(trouble)?;
                self.sweep(&place);
                return Ok(inputs.rootfs(&place));
            }
            remove(&cache, &part);
            inputs = now;
        }
        anyhow::bail!("the machine's programs change while they are copied: wait until its upgrade is done")
    }

    /// The directory, made where it is missing.
    fn open(&self) -> Result<Directory> {
        let mut builder = DirBuilder::new();
        builder.mode(0o700).recursive(true).create(&self.dir).context("making the directory")?;
        Directory::open(&self.dir).context("opening the directory")
    }

    /// Removes what nobody uses. What can't be removed is left to the next run.
    fn sweep(&self, current: &Path) {
        let Ok(cache) = Directory::open(&self.dir) else { return };
        for name in cache.names().unwrap_or_default() {
            let path = self.dir.join(&name);
            let text = name.to_string_lossy();
            let is_key = text.len() == 32 && text.bytes().all(|byte| byte.is_ascii_hexdigit());
            if text.starts_with(PART) && unused(&path, DEAD) {
                remove(&cache, &name);
            } else if is_key && path != current && unused(&path, UNUSED) {
                discard(&cache, &name);
            }
        }
    }
}

/// A new directory to build in, on the file system of its later place: rename(2) works within one only.
fn part(cache: &Directory) -> Result<OsString> {
    static COUNT: AtomicU32 = AtomicU32::new(0);
    // Process ids repeat from container to container, and the cache may be shared by several; time does not.
    let time = SystemTime::UNIX_EPOCH.elapsed().map_or(0, |time| time.as_nanos());
    let count = COUNT.fetch_add(1, Ordering::Relaxed);
    let part = OsString::from(format!("{PART}{}-{time}-{count}", std::process::id()));
    cache.make(&part, 0o700).context("making a directory in it")?;
    Ok(part)
}

/// Takes a rootfs out under another name first, so that half of one never stands in the place of a whole one.
fn discard(cache: &Directory, name: &OsStr) {
    let Ok(part) = part(cache) else { return };
    if cache.rename(name, cache, &part).is_ok() {
        remove(cache, &part);
    } else {
        let _ = cache.remove(&part);
    }
}

/// Removes a file or a tree. What can't be removed stays; the caller has a better error to tell.
fn remove(cache: &Directory, name: &OsStr) {
    let _ = cache.remove_all(name);
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

/// Moves a finished rootfs to its place. Where one stands already, the old one stays if it is `good`, and else goes
/// out of the way: another run may have it open, so the sweep takes it, an hour later.
fn put(cache: &Directory, part: &OsStr, place: &OsStr, good: impl Fn() -> bool) -> Result<()> {
    let moved = match cache.rename(part, cache, place) {
        Ok(()) => return Ok(()),
        Err(error) => error,
    };
    let kind = moved.kind();
    let taken = [ErrorKind::DirectoryNotEmpty, ErrorKind::AlreadyExists, ErrorKind::NotADirectory];
    if !taken.contains(&kind) {
        remove(cache, part);
        return Err(moved).with_context(|| format!("moving it to {}", place.display()));
    }
    if good() {
        remove(cache, part);
        return Ok(());
    }
    // At no moment is there nothing at either name.
    let swapped = cache.rename_with(part, cache, place, libc::RENAME_EXCHANGE);
    match swapped {
        Ok(()) => used(&cache.path().join(part)),
        Err(_) => remove(cache, part),
    }
    swapped.with_context(|| format!("replacing {}; remove that directory", place.display()))
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
