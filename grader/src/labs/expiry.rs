//! Directories of which one is made for each workspace: what nobody has used for some days goes, and of many what was not
//! used for longest. They can be made again.

use crate::beneath::Directory;
use nix::fcntl::{Flock, FlockArg};
use std::ffi::{OsStr, OsString};
use std::fs::File;
use std::io;
use std::os::unix::ffi::OsStrExt;
use std::path::Path;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

/// What was not used for so long goes.
pub const UNUSED: Duration = Duration::from_secs(3 * 24 * 60 * 60);

/// So many stay, of some 60 MB each.
const MOST: usize = 20;

/// Marks a file or a directory as used now.
pub fn touch(path: &Path) {
    let _ = File::open(path).and_then(|it| it.set_modified(SystemTime::now()));
}

/// What lies in a directory and `is_meant`, with how long before `now` it was used; the last used first.
///
/// # Errors
/// It can't be read.
pub fn by_age(
    directory: &Directory,
    now: SystemTime,
    is_meant: impl Fn(&OsStr) -> bool,
) -> io::Result<Vec<(Duration, OsString)>> {
    let mut found = Vec::new();
    for name in directory.names()?.into_iter().filter(|name| is_meant(name)) {
        let Ok(it) = directory.entry(&name) else { continue };
        let used = UNIX_EPOCH + Duration::from_secs(it.stat.st_mtime.unsigned_abs());
        // A time in the future is no age.
        found.push((now.duration_since(used).unwrap_or_default(), name));
    }
    found.sort();
    Ok(found)
}

/// Marks `own` as used now, and removes its old neighbours whose names have the same beginning, `prefix`. Who uses one
/// holds a lock on the file `lock` in it.
pub fn sweep(own: &Path, prefix: &str, lock: &str) {
    touch(own);
    let Some((parent, name)) = own.parent().zip(own.file_name()) else { return };
    let Ok(directory) = Directory::open(parent) else { return };
    let is_other = |other: &OsStr| other != name && other.as_bytes().starts_with(prefix.as_bytes());
    let others = by_age(&directory, SystemTime::now(), is_other).unwrap_or_default();
    for (at, (age, other)) in others.iter().enumerate() {
        if *age <= UNUSED && at + 1 < MOST || !parent.join(other).is_dir() {
            continue;
        }
        let lock = File::open(parent.join(other).join(lock));
        let is_free = lock.map_or(true, |it| Flock::lock(it, FlockArg::LockExclusiveNonblock).is_ok());
        if is_free {
            let _ = directory.remove_all(other);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::fs;

    #[test]
    fn what_is_old_or_too_much_goes_but_nothing_that_is_in_use() {
        let temporary = tempfile::tempdir().unwrap();
        let make = |name: &str, hours: u64| {
            let path = temporary.path().join(name);
            fs::create_dir(&path).unwrap();
            fs::write(path.join("lock"), "").unwrap();
            let used = SystemTime::now() - Duration::from_secs(hours * 60 * 60);
            File::open(&path).unwrap().set_modified(used).unwrap();
            path
        };
        let own = make("labs-own", 1000);
        let in_use = File::open(make("labs-in-use", 200).join("lock")).unwrap();
        let _lock = Flock::lock(in_use, FlockArg::LockExclusiveNonblock).unwrap();
        make("labs-old", 100);
        make("other", 100);
        for hours in 0..20 {
            make(&format!("labs-{hours}"), hours);
        }
        sweep(&own, "labs-", "lock");
        let there = |name: &str| temporary.path().join(name).exists();
        assert!(["labs-own", "labs-in-use", "other", "labs-0", "labs-18"].into_iter().all(there));
        assert!(!there("labs-old") && !there("labs-19"));
    }
}
