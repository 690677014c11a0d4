//! A control group and all groups below it, by descriptor.
//!
//! A program may make groups deeper than PATH_MAX, thousands of them, and take every permission off them. It may
//! also freeze them or give them a thousandth of a CPU: a process in such a group does not even die of SIGKILL. So
//! they are walked one name at a time, and released before anything in them is waited for.
//!
//! Before Linux 6.18 a process without CPU time stops in the middle of a system call, with the locks that it holds: with
//! that of all control groups, say, for which a mkdir(2) then waits, and for its directory whoever lists it
//! (sched-bwc.rst). So all groups in a directory are released before any of them is listed.

use super::pidfds;
use super::quota::QUOTAS;
use crate::proc;
use nix::dir::{Dir, Type};
use nix::errno::Errno;
use nix::fcntl::{OFlag, open, openat};
use nix::libc;
use nix::sys::signal::{Signal, kill as kill_by_number};
use nix::sys::stat::{FchmodatFlags, Mode, fchmodat};
use nix::unistd::{Pid, UnlinkatFlags, unlinkat, write};
use std::collections::BTreeSet;
use std::ffi::{CStr, CString};
use std::fs::File;
use std::io::Read;
use std::os::fd::{AsRawFd, OwnedFd};
use std::path::Path;

/// What says that a group is frozen, what then begins its text, and what lets it go on.
const FREEZERS: [(&str, &[u8], &str); 2] = [("freezer.state", b"FR", "THAWED"), ("cgroup.freeze", b"1", "0")];

/// Lifts every quota of CPU time, and thaws, in a group and all below it. First all quotas: to thaw takes the lock of
/// all groups, to lift a quota does not.
pub fn release(top: &Path) {
    let _ = walk(top, |group| QUOTAS.iter().for_each(|(file, value)| put(group, file, value)), |_, _| Ok(()));
    let thaw = |group: &OwnedFd| {
        for (file, frozen, value) in FREEZERS {
            if get(group, file).is_some_and(|text| text.starts_with(frozen)) {
                put(group, file, value);
            }
        }
    };
    let _ = walk(top, thaw, |_, _| Ok(()));
}

/// Sends SIGKILL to every process in a group and below it which `is_meant`.
pub fn kill(top: &Path, is_meant: impl Fn(Pid) -> bool) {
    let mut found = BTreeSet::new();
    let _ = walk(top, |group| found.extend(members(group)), |_, _| Ok(()));
    let Some(name) = top.file_name().and_then(|name| name.to_str()) else { return };
    // Between the list and the signal a process may end, and its number become another's: the descriptor is of one
    // process, and that is in a group of this name.
    for pid in found.into_iter().map(Pid::from_raw).filter(|pid| is_meant(*pid)) {
        if let Ok(process) = pidfds::open(pid)
            && proc::read(pid, "cgroup").contains(name)
        {
            // SAFETY: the call takes a descriptor, a number and no structure.
            let sent = unsafe {
                libc::syscall(libc::SYS_pidfd_send_signal, process.as_raw_fd(), libc::SIGKILL, 0, 0)
            };
            // Missing or refused: the number then, which hardly is another's within this moment.
            if sent < 0 && matches!(Errno::last(), Errno::ENOSYS | Errno::EPERM) {
                let _ = kill_by_number(pid, Signal::SIGKILL);
            }
        }
    }
}

/// Removes a group and all below it. One that is gone already is removed.
///
/// # Errors
/// EBUSY: a process is in one of them, or the kernel has not let go of it yet; the others are gone then.
pub fn remove(top: &Path) -> nix::Result<()> {
    let mut busy = Ok(());
    let leave = |parent: &OwnedFd, name: &CStr| {
        match unlinkat(parent, name, UnlinkatFlags::RemoveDir) {
            Ok(()) | Err(Errno::ENOENT) => {}
            Err(errno) => busy = Err(errno),
        }
        Ok(())
    };
    match walk(top, |_| {}, leave) {
        Err(Errno::ENOENT) => return Ok(()),
        other => other?,
    }
    busy?;
    match nix::unistd::unlinkat(nix::fcntl::AT_FDCWD, top, UnlinkatFlags::RemoveDir) {
        Err(Errno::ENOENT) => Ok(()),
        other => other,
    }
}

/// Calls `enter` for a group and each below it, all in one group before those below any of them, and `leave` with the
/// parent of each below it and its name, the innermost first.
fn walk(
    top: &Path,
    mut enter: impl FnMut(&OwnedFd),
    mut leave: impl FnMut(&OwnedFd, &CStr) -> nix::Result<()>,
) -> nix::Result<()> {
    let mut here = open(top, DIRECTORY, Mode::empty())?;
    enter(&here);
    // One descriptor, whatever the depth: the names of the way down, and of what is still to be seen at each level.
    let mut list = |group: &OwnedFd| {
        let names = children(group);
        // One may have gone meanwhile.
        names.iter().flat_map(|name| open_child(group, name)).for_each(|child| enter(&child));
        names
    };
    let (mut way, mut rest) = (Vec::<CString>::new(), vec![list(&here)]);
    while let Some(names) = rest.last_mut() {
        if let Some(name) = names.pop() {
            if let Ok(child) = open_child(&here, &name) {
                rest.push(list(&child));
                way.push(name);
                here = child;
            }
        } else {
            rest.pop();
            if let Some(name) = way.pop() {
                here = openat(&here, "..", DIRECTORY, Mode::empty())?;
                leave(&here, &name)?;
            }
        }
    }
    Ok(())
}

/// How a group is opened.
const DIRECTORY: OFlag =
    OFlag::O_RDONLY.union(OFlag::O_DIRECTORY).union(OFlag::O_NOFOLLOW).union(OFlag::O_CLOEXEC);

fn open_child(group: &OwnedFd, name: &CStr) -> nix::Result<OwnedFd> {
    openat(group, name, DIRECTORY, Mode::empty()).or_else(|errno| {
        // Its owner may have taken the permission away.
        fchmodat(group, name, Mode::S_IRWXU, FchmodatFlags::FollowSymlink)?;
        openat(group, name, DIRECTORY, Mode::empty()).map_err(|_| errno)
    })
}

fn children(group: &OwnedFd) -> Vec<CString> {
    let flags = OFlag::O_RDONLY | OFlag::O_DIRECTORY | OFlag::O_CLOEXEC;
    let Ok(mut directory) = openat(group, ".", flags, Mode::empty()).and_then(Dir::from_fd) else {
        return Vec::new();
    };
    let is_group = |entry: &nix::dir::Entry| {
        entry.file_type() == Some(Type::Directory) && ![c".", c".."].contains(&entry.file_name())
    };
    directory.iter().flatten().filter(is_group).map(|entry| entry.file_name().to_owned()).collect()
}

fn members(group: &OwnedFd) -> Vec<i32> {
    // A threaded v2 group has no list of processes, and a list of threads.
    let text = ["cgroup.procs", "cgroup.threads"].iter().find_map(|name| get(group, name));
    let text = text.unwrap_or_default();
    String::from_utf8_lossy(&text).lines().filter_map(|line| line.parse().ok()).collect()
}

/// Reads a file, where the group has such a one.
fn get(group: &OwnedFd, file: &str) -> Option<Vec<u8>> {
    let file = openat(group, file, OFlag::O_RDONLY | OFlag::O_CLOEXEC, Mode::empty()).ok()?;
    let mut text = Vec::new();
    File::from(file).read_to_end(&mut text).ok().map(|_| text)
}

/// Writes a value, where the group has such a file.
fn put(group: &OwnedFd, file: &str, value: &str) {
    if let Ok(file) = openat(group, file, OFlag::O_WRONLY | OFlag::O_CLOEXEC, Mode::empty()) {
        let _ = write(&file, value.as_bytes());
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::fs;

    /// A plain directory tree serves: what is walked and removed is directories.
    #[test]
    fn a_tree_deeper_than_a_path_may_be_is_removed() {
        let place = tempfile::tempdir().unwrap();
        let top = place.path().join("group");
        fs::create_dir(&top).unwrap();
        let flags = OFlag::O_RDONLY | OFlag::O_DIRECTORY;
        let mut here = open(&top, flags, Mode::empty()).unwrap();
        let name = "x".repeat(200);
        for _ in 0..60 {
            nix::sys::stat::mkdirat(&here, name.as_str(), Mode::S_IRWXU).unwrap();
            here = openat(&here, name.as_str(), flags, Mode::empty()).unwrap();
        }
        for wide in 0..300 {
            fs::create_dir(top.join(wide.to_string())).unwrap();
        }
        fchmodat(nix::fcntl::AT_FDCWD, &top.join("7"), Mode::empty(), FchmodatFlags::FollowSymlink).unwrap();
        assert!(fs::remove_dir(&top).is_err());
        remove(&top).unwrap();
        assert!(!top.exists());
        remove(&top).unwrap();
    }

    #[test]
    fn all_in_one_group_are_seen_before_those_below_any() {
        let place = tempfile::tempdir().unwrap();
        ["a/below", "b/below", "c"].iter().for_each(|it| fs::create_dir_all(place.path().join(it)).unwrap());
        let mut seen = Vec::new();
        let name = |group: &OwnedFd| fs::read_link(format!("/proc/self/fd/{}", group.as_raw_fd())).unwrap();
        let enter = |group: &OwnedFd| seen.push(name(group).components().count());
        walk(place.path(), enter, |_, _| Ok(())).unwrap();
        let top = place.path().components().count();
        assert_eq!(seen, [0, 1, 1, 1, 2, 2].map(|depth| top + depth));
    }

    #[test]
    fn what_is_not_empty_is_busy_and_the_rest_goes() {
        let place = tempfile::tempdir().unwrap();
        let top = place.path().join("group");
        fs::create_dir_all(top.join("a/b")).unwrap();
        fs::create_dir_all(top.join("c")).unwrap();
        fs::write(top.join("a/file"), "").unwrap();
        assert!(remove(&top).is_err());
        assert!(top.join("a").exists() && !top.join("a/b").exists() && !top.join("c").exists());
    }
}
