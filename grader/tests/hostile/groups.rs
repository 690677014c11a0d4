//! The control groups of every hierarchy, walked by descriptor: a path may be longer than PATH_MAX, and a directory
//! without permission.

use nix::dir::Dir;
use nix::errno::Errno;
use nix::fcntl::{AtFlags, OFlag, openat};
use nix::sys::stat::{FchmodatFlags, Mode, fchmodat, fstatat};
use nix::unistd::{UnlinkatFlags, unlinkat};
use std::collections::BTreeMap;
use std::ffi::{CString, OsStr};
use std::fs::{self, File};
use std::io::Write;
use std::os::fd::OwnedFd;
use std::os::unix::ffi::OsStrExt;
use std::path::Path;

/// The beginning of the name of a group that a grader makes; its process id follows.
const PREFIX: &str = "container-labs-";

/// Groups by hierarchy and path: the owner and mode of each. Those of other graders are left out.
pub fn all(maker: Option<i32>) -> BTreeMap<String, (u32, u32)> {
    let mut found = BTreeMap::new();
    for top in hierarchies() {
        walk(&top, &mut |directory, path, name| {
            let is_anothers = maker_of(name).is_some_and(|it| Some(it) != maker);
            if !is_anothers && let Ok(it) = fstatat(directory, name.as_c_str(), AtFlags::AT_SYMLINK_NOFOLLOW)
            {
                found.insert(format!("{top}{path}/{}", name.to_string_lossy()), (it.st_uid, it.st_mode));
            }
            !is_anothers
        });
    }
    found
}

/// Takes quotas, freezers and limits of memory off everything below the groups of this maker.
pub fn lift(maker: i32) {
    for top in hierarchies() {
        walk(&top, &mut |directory, path, name| {
            let own = maker_of(name) == Some(maker);
            if own || path.contains(&format!("{PREFIX}{maker}")) {
                for (file, value) in [
                    ("cpu.cfs_quota_us", "-1"),
                    ("cpu.max", "max"),
                    ("freezer.state", "THAWED"),
                    ("cgroup.freeze", "0"),
                    ("memory.oom_control", "0"),
                    ("memory.limit_in_bytes", "-1"),
                    ("memory.max", "max"),
                    ("memory.high", "max"),
                ] {
                    let file = Path::new(OsStr::from_bytes(name.to_bytes())).join(file);
                    if let Ok(file) = openat(directory, &file, OFlag::O_WRONLY, Mode::empty()) {
                        let _ = File::from(file).write_all(value.as_bytes());
                    }
                }
            }
            maker_of(name).is_none_or(|it| it == maker)
        });
    }
}

/// Removes the groups of this maker, with all below.
pub fn remove(maker: i32) {
    for top in hierarchies() {
        let mut own = Vec::new();
        walk(&top, &mut |_, path, name| {
            if maker_of(name) == Some(maker) {
                own.push((format!("{top}{path}"), name.to_owned()));
            }
            maker_of(name).is_none()
        });
        for (parent, name) in own {
            let Ok(parent) = File::open(parent) else { continue };
            let parent = OwnedFd::from(parent);
            if let Ok(group) = enter(&parent, &name) {
                remove_directories_below(group);
            }
            let _ = unlinkat(&parent, name.as_c_str(), UnlinkatFlags::RemoveDir);
        }
    }
}

/// The mount points of all hierarchies, named ones among them.
fn hierarchies() -> Vec<String> {
    let mounts = fs::read_to_string("/proc/self/mountinfo").unwrap();
    let point = |line: &str| {
        let (mount, file_system) = line.split_once(" - ")?;
        file_system.starts_with("cgroup").then(|| mount.split(' ').nth(4).map(str::to_owned))?
    };
    mounts.lines().filter_map(point).collect()
}

/// The process id in the name of a grader's group.
fn maker_of(name: &CString) -> Option<i32> {
    name.to_str().ok()?.strip_prefix(PREFIX)?.split('-').next()?.parse().ok()
}

/// Asks `visit` of each group whether to go below it: its parent, the parent's path below the top, and its name.
fn walk(top: &str, visit: &mut dyn FnMut(&OwnedFd, &str, &CString) -> bool) {
    let Ok(directory) = File::open(top) else { return };
    let mut directory = OwnedFd::from(directory);
    let mut path = String::new();
    let mut open = vec![below(&directory)];
    while let Some(names) = open.last_mut() {
        let Some(name) = names.pop() else {
            open.pop();
            path.truncate(path.rfind('/').unwrap_or(0));
            if open.is_empty() {
                return;
            }
            let Ok(parent) = enter(&directory, c"..") else { return };
            directory = parent;
            continue;
        };
        if visit(&directory, &path, &name)
            && let Ok(group) = enter(&directory, &name)
        {
            directory = group;
            path.push('/');
            path.push_str(&name.to_string_lossy());
            open.push(below(&directory));
        }
    }
}

/// Removes all directories below one, which hold nothing else that could be removed.
pub fn remove_directories_below(mut directory: OwnedFd) {
    let mut names: Vec<CString> = Vec::new();
    let mut open = vec![below(&directory)];
    loop {
        if let Some(name) = open.last_mut().and_then(Vec::pop) {
            if let Ok(group) = enter(&directory, &name) {
                directory = group;
                open.push(below(&directory));
                names.push(name);
            }
            continue;
        }
        open.pop();
        let Some(name) = names.pop() else { return };
        let Ok(parent) = enter(&directory, c"..") else { return };
        directory = parent;
        let _ = unlinkat(&directory, name.as_c_str(), UnlinkatFlags::RemoveDir);
    }
}

fn enter(directory: &OwnedFd, name: &std::ffi::CStr) -> nix::Result<OwnedFd> {
    let flags = OFlag::O_RDONLY | OFlag::O_DIRECTORY | OFlag::O_NOFOLLOW | OFlag::O_CLOEXEC;
    openat(directory, name, flags, Mode::empty()).or_else(|error| {
        if error != Errno::EACCES {
            return Err(error);
        }
        fchmodat(directory, name, Mode::S_IRWXU, FchmodatFlags::NoFollowSymlink)?;
        openat(directory, name, flags, Mode::empty())
    })
}

/// The names of the groups right below one.
fn below(directory: &OwnedFd) -> Vec<CString> {
    let flags = OFlag::O_RDONLY | OFlag::O_DIRECTORY | OFlag::O_CLOEXEC;
    let Ok(mut list) = Dir::openat(directory, ".", flags, Mode::empty()) else { return Vec::new() };
    let is_group = |entry: &nix::dir::Entry| entry.file_type() == Some(nix::dir::Type::Directory);
    let names = list.iter().flatten().filter(is_group).map(|entry| entry.file_name().to_owned());
    names.filter(|name| name.as_bytes() != b"." && name.as_bytes() != b"..").collect()
}
