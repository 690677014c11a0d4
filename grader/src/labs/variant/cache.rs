//! The cache of variants: what nobody has used for some days goes, and what is too much of it.
//!
//! Who builds in it holds a shared lock on it (flock(2)), from before its first look until it is done. It is swept only
//! under an exclusive one: then nobody else is in it, whatever the age of what is there. A lock ends with its process.
//! When an entry is used its time of modification becomes now.

use crate::beneath::Directory;
use crate::labs::expiry::{UNUSED, by_age};
use anyhow::{Context, Result};
use nix::errno::Errno;
use nix::fcntl::{Flock, FlockArg};
use std::fs::{self, File};
use std::path::Path;
use std::time::SystemTime;

/// The file that is locked.
const LOCK: &str = "lock";

/// The beginning of the name of what is being made.
pub(super) const UNFINISHED: &str = "unfinished-";

/// What is left holds no more bytes than this: some knock-outs of all steps, at 80 MB each.
const MAX_BYTES: u64 = 256 << 20;

/// Takes part in the use of a cache, for as long as what is returned lives. If nobody else does, it is swept first.
/// None where the file system has no locks, as some in a network: there it is never swept.
///
/// # Errors
/// The file can't be made.
pub(super) fn join(cache: &Path) -> Result<Option<Flock<File>>> {
    let path = cache.join(LOCK);
    let trouble = || path.display().to_string();
    let lock = |how| -> Result<Result<Flock<File>, Errno>> {
        let file = File::options().create(true).append(true).open(&path).with_context(trouble)?;
        Ok(Flock::lock(file, how).map_err(|(_, errno)| errno))
    };
    if let Ok(_alone) = lock(FlockArg::LockExclusiveNonblock)? {
        // What can't be removed is left to the next one.
        let _ = sweep(cache, SystemTime::now());
    }
    loop {
        match lock(FlockArg::LockShared)? {
            Err(Errno::EINTR) => {}
            lock => return Ok(lock.ok()),
        }
    }
}

/// Removes what is old, what nobody will finish, and then what was not used for longest, until the rest is small enough.
fn sweep(cache: &Path, now: SystemTime) -> Result<()> {
    let directory = Directory::open(cache)?;
    let mut kept = 0;
    for (age, name) in by_age(&directory, now, |name| name != LOCK)? {
        let bytes = size(&cache.join(&name));
        let is_unfinished = name.to_string_lossy().starts_with(UNFINISHED);
        if is_unfinished || age > UNUSED || kept + bytes > MAX_BYTES {
            let _ = directory.remove_all(&name);
        } else {
            kept += bytes;
        }
    }
    Ok(())
}

/// What a file or a tree of files takes, in bytes. Links are not followed.
fn size(path: &Path) -> u64 {
    let Ok(it) = fs::symlink_metadata(path) else { return 0 };
    let below = fs::read_dir(path).into_iter().flatten().flatten().filter(|_| it.is_dir());
    it.len() + below.map(|entry| size(&entry.path())).sum::<u64>()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::labs::expiry::touch;
    use std::time::Duration;

    const DAY: Duration = Duration::from_secs(24 * 60 * 60);

    /// An entry of a size that was used so many days ago.
    fn entry(cache: &Path, name: &str, bytes: u64, days: u32) {
        let directory = cache.join(name);
        fs::create_dir(&directory).unwrap();
        // Sparse: it takes no room on the disk.
        File::create(directory.join("program")).unwrap().set_len(bytes).unwrap();
        File::open(directory).unwrap().set_modified(SystemTime::now() - DAY * days).unwrap();
    }

    fn names(cache: &Path) -> Vec<String> {
        let names = Directory::open(cache).unwrap().names().unwrap();
        names.into_iter().map(|name| name.into_string().unwrap()).filter(|name| name != LOCK).collect()
    }

    #[test]
    fn what_was_not_used_for_days_goes_and_what_was_stays() {
        let temporary = tempfile::tempdir().unwrap();
        let cache = temporary.path();
        for (name, days) in [("lab3-old", 5), ("lab3-new", 1), ("lab3-touched", 5), ("lab1-today", 0)] {
            entry(cache, name, 100, days);
        }
        entry(cache, &format!("{}1-2", UNFINISHED), 100, 0);
        touch(&cache.join("lab3-touched"));
        let first = join(cache).unwrap().unwrap();
        assert_eq!(names(cache), ["lab1-today", "lab3-new", "lab3-touched"]);
        drop(first);
        join(cache).unwrap();
        assert_eq!(names(cache), ["lab1-today", "lab3-new", "lab3-touched"]);
    }

    #[test]
    fn of_too_much_what_was_used_last_stays() {
        let temporary = tempfile::tempdir().unwrap();
        let cache = temporary.path();
        for (name, days) in [("c", 2), ("a", 0), ("b", 1)] {
            entry(cache, name, MAX_BYTES * 2 / 5, days);
        }
        join(cache).unwrap();
        assert_eq!(names(cache), ["a", "b"]);
    }

    #[test]
    fn what_another_one_may_use_stays_however_old_it_is() {
        let temporary = tempfile::tempdir().unwrap();
        let cache = temporary.path();
        let other = join(cache).unwrap().unwrap();
        entry(cache, "old", 100, 100);
        drop(join(cache).unwrap());
        assert_eq!(names(cache), ["old"]);
        drop(other);
        drop(join(cache).unwrap());
        assert_eq!(names(cache), [""; 0]);
    }
}
