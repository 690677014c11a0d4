//! Directories of which one is made for each workspace: what nobody has used for some days goes, and of many what was not
//! used for longest. They can be made again.

use crate::beneath::Directory;
use nix::fcntl::{Flock, FlockArg};
use std::ffi::OsString;
use std::fs::{self, File};
use std::path::Path;
use std::time::{Duration, SystemTime};

/// What was not used for so long goes.
const UNUSED: Duration = Duration::from_secs(3 * 24 * 60 * 60);

/// So many stay, of some 60 MB each.
const MOST: usize = 20;

/// Marks `own` as used now, and removes its old neighbours whose names have the same beginning, `prefix`. Who uses one
/// holds a lock on the file `lock` in it.
pub fn sweep(own: &Path, prefix: &str, lock: &str) {
    let now = SystemTime::now();
    let _ = File::open(own).and_then(|it| it.set_modified(now));
    let Some((parent, name)) = own.parent().zip(own.file_name()) else { return };
    let Ok(directory) = Directory::open(parent) else { return };
    let mut others: Vec<(Duration, OsString)> = Vec::new();
    for other in directory.names().unwrap_or_default() {
        let Ok(it) = fs::symlink_metadata(parent.join(&other)) else { continue };
        if other != name && it.is_dir() && other.to_string_lossy().starts_with(prefix) {
            // A time in the future is no age.
            let age = it.modified().map(|used| now.duration_since(used).unwrap_or_default());
            others.push((age.unwrap_or_default(), other));
        }
    }
    others.sort();
    for (at, (age, other)) in others.iter().enumerate() {
        if *age <= UNUSED && at + 1 < MOST {
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
