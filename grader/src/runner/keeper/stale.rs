//! Removes what dead graders have left. Something is stale if its lock is free. Process ids do not show it: a process
//! in another PID namespace looks dead.

use crate::cache_dir::{self, PREFIX, WORD};
use crate::decoy::groups::Groups;
use crate::decoy::{group_tree, hierarchy};
use crate::proc;
use std::fs;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

/// The timeout for the end of a hierarchy.
const TIMEOUT: Duration = Duration::from_secs(5);

/// Removes stale temporary directories below `parent`.
pub fn remove_directories(parent: &Path) {
    let own = nix::unistd::geteuid().as_raw();
    for entry in fs::read_dir(parent).into_iter().flatten().flatten() {
        let ours = entry.metadata().is_ok_and(|it| it.uid() == own && it.is_dir());
        if ours
            && is_named(&entry)
            && let Ok(Some(_lock)) = cache_dir::lock(&entry.path())
        {
            let _ = fs::remove_dir_all(entry.path());
        }
    }
}

/// Removes stale control groups and hierarchies. The calling process must have its own mount namespace.
pub fn remove_groups() {
    let own = proc::read("self", "cgroup");
    for name in hierarchy::names(&own).filter(|name| is_name(name)) {
        if hierarchy::is_stale(name, &place()) {
            remove_hierarchy(name);
        }
    }
    for group in Groups::plan(PREFIX).list {
        let Some(parent) = group.path.parent() else { continue };
        for entry in fs::read_dir(parent).into_iter().flatten().flatten() {
            if is_named(&entry)
                && let Ok(Some(_lock)) = cache_dir::lock(&entry.path())
            {
                group_tree::release(&entry.path());
                group_tree::kill(&entry.path(), |_| true);
                let _ = group_tree::remove(&entry.path());
            }
        }
    }
}

/// Waits for the end of a named hierarchy. An empty one ends by itself, some moments after its last mount; else its
/// groups must be removed first, and each can be removed some moments after its processes have ended.
pub fn remove_hierarchy(name: &str) {
    let deadline = Instant::now() + TIMEOUT;
    let mut ask = Instant::now() + Duration::from_millis(100);
    while hierarchy::is_there(name) && Instant::now() < deadline {
        if Instant::now() > ask {
            hierarchy::remove(name, &place());
            ask = Instant::now() + Duration::from_millis(250);
        }
        std::thread::sleep(Duration::from_millis(2));
    }
}

/// A mount point in the keeper's own mount namespace.
fn place() -> PathBuf {
    cache_dir::temporary().unwrap_or_else(|_| "/".into())
}

fn is_named(entry: &fs::DirEntry) -> bool {
    entry.file_name().to_str().is_some_and(is_name)
}

/// Whether the grader makes names like this: [`PREFIX`], a process id, a random word, perhaps a number.
fn is_name(name: &str) -> bool {
    let mut parts = name.strip_prefix(PREFIX).unwrap_or_default().split('-');
    let pid = parts.next().is_some_and(|pid| pid.parse::<u32>().is_ok());
    let is_word = |word: &str| word.len() == WORD && word.bytes().all(|byte| byte.is_ascii_hexdigit());
    pid && parts.next().is_some_and(is_word)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_nobody_has_locked_goes() {
        let parent = tempfile::tempdir().unwrap();
        let make = |name: &str| {
            let path = parent.path().join(name);
            fs::create_dir(&path).unwrap();
            path
        };
        let (living, dead) =
            (make("container-labs-1-0123456789ab"), make("container-labs-4194304-0123456789ab"));
        let (tests, other) = (make("container-labs-tests-x"), make("container-labs-7-of-mine"));
        let lock = cache_dir::lock(&living).unwrap().unwrap();
        remove_directories(parent.path());
        assert!(living.exists() && !dead.exists() && tests.exists() && other.exists());
        drop(lock);
        remove_directories(parent.path());
        assert!(!living.exists());
    }

    #[test]
    fn a_link_is_no_directory_of_ours() {
        let (parent, other) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
        fs::write(other.path().join("file"), "").unwrap();
        let link = parent.path().join("container-labs-4194304-0123456789ab");
        std::os::unix::fs::symlink(other.path(), &link).unwrap();
        remove_directories(parent.path());
        assert!(other.path().join("file").exists());
    }
}
