//! A control group and all groups below it, by descriptor.
//!
//! A program may make groups deeper than PATH_MAX, thousands of them, and take every permission off them. It may
//! also freeze them or give them a thousandth of a CPU: a process in such a group does not even die of SIGKILL. So
//! they are walked one name at a time, and released before anything in them is waited for.

use anyhow::Result;
use nix::dir::{Dir, Type};
use nix::errno::Errno;
use nix::fcntl::{OFlag, open, openat};
use nix::libc;
use nix::sys::stat::{FchmodatFlags, Mode, fchmodat};
use nix::unistd::{Pid, UnlinkatFlags, unlinkat, write};
use std::collections::BTreeSet;
use std::ffi::{CStr, CString};
use std::fs::{self, File};
use std::io::Read;
use std::os::fd::{AsRawFd, FromRawFd, OwnedFd};
use std::path::Path;

/// What stops a group's processes or slows them down, and the value that lets them go on: v1, then v2 (cgroups(7),
/// Documentation/admin-guide/cgroup-v2.rst).
const BRAKES: [(&str, &str); 4] =
    [("cpu.cfs_quota_us", "-1"), ("freezer.state", "THAWED"), ("cpu.max", "max"), ("cgroup.freeze", "0")];

/// Lifts every quota of CPU time, and thaws, in a group and all below it.
pub fn release(top: &Path) {
    let _ = walk(top, |group| BRAKES.iter().for_each(|(file, value)| put(group, file, value)), |_, _| Ok(()));
}

/// Sends SIGKILL to every process in a group and below it which `is_meant`.
pub fn kill(top: &Path, is_meant: impl Fn(Pid) -> bool) {
    let mut found = BTreeSet::new();
    let _ = walk(top, |group| found.extend(members(group)), |_, _| Ok(()));
    let Some(name) = top.file_name().and_then(|name| name.to_str()) else { return };
    // Between the list and the signal a process may end, and its number become another's: the descriptor is of one
    // process, and that is in a group of this name.
    for pid in found.into_iter().map(Pid::from_raw).filter(|pid| is_meant(*pid)) {
        if let Ok(process) = pidfd_open(pid)
            && fs::read_to_string(format!("/proc/{pid}/cgroup")).is_ok_and(|groups| groups.contains(name))
        {
            // SAFETY: the call takes a descriptor, a number and no structure.
            unsafe {
                libc::syscall(libc::SYS_pidfd_send_signal, process.as_raw_fd(), libc::SIGKILL, 0, 0);
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

/// Calls `enter` for a group and each below it, and `leave` with the parent of each below it and its name, the
/// innermost first.
fn walk(
    top: &Path,
    mut enter: impl FnMut(&OwnedFd),
    mut leave: impl FnMut(&OwnedFd, &CStr) -> nix::Result<()>,
) -> nix::Result<()> {
    let flags = OFlag::O_RDONLY | OFlag::O_DIRECTORY | OFlag::O_NOFOLLOW | OFlag::O_CLOEXEC;
    let mut here = open(top, flags, Mode::empty())?;
    enter(&here);
    // One descriptor, whatever the depth: the names of the way down, and of what is still to be seen at each level.
    let (mut way, mut rest) = (Vec::<CString>::new(), vec![children(&here)]);
    while let Some(names) = rest.last_mut() {
        if let Some(name) = names.pop() {
            let child = openat(&here, name.as_c_str(), flags, Mode::empty()).or_else(|errno| {
                // Its owner may have taken the permission away.
                fchmodat(&here, name.as_c_str(), Mode::S_IRWXU, FchmodatFlags::FollowSymlink)?;
                openat(&here, name.as_c_str(), flags, Mode::empty()).map_err(|_| errno)
            });
            // It may have gone meanwhile.
            if let Ok(child) = child {
                enter(&child);
                rest.push(children(&child));
                way.push(name);
                here = child;
            }
        } else {
            rest.pop();
            if let Some(name) = way.pop() {
                here = openat(&here, "..", flags, Mode::empty())?;
                leave(&here, &name)?;
            }
        }
    }
    Ok(())
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
    let text = ["cgroup.procs", "cgroup.threads"].iter().find_map(|name| {
        let file = openat(group, *name, OFlag::O_RDONLY | OFlag::O_CLOEXEC, Mode::empty()).ok()?;
        let mut text = String::new();
        File::from(file).read_to_string(&mut text).ok().map(|_| text)
    });
    text.unwrap_or_default().lines().filter_map(|line| line.parse().ok()).collect()
}

/// Writes a value, where the group has such a file.
fn put(group: &OwnedFd, file: &str, value: &str) {
    if let Ok(file) = openat(group, file, OFlag::O_WRONLY | OFlag::O_CLOEXEC, Mode::empty()) {
        let _ = write(&file, value.as_bytes());
    }
}

fn pidfd_open(pid: Pid) -> Result<OwnedFd, Errno> {
    // SAFETY: the call takes integers and returns a descriptor, which we own.
    unsafe {
        let fd = Errno::result(libc::syscall(libc::SYS_pidfd_open, pid.as_raw(), 0))?;
        Ok(OwnedFd::from_raw_fd(fd as i32))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

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
