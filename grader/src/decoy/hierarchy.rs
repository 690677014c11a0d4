//! A named v1 hierarchy of control groups without any controller (cgroups(7), "named hierarchies"): what an attempt
//! at `release_agent` is aimed at.
//!
//! It is seen by the whole machine, in everybody's `/proc/self/cgroup`, as long as it is mounted anywhere or has a
//! group in it. So it is made only for the attempt that needs it, in the worker's own mount namespace, and the
//! keeper looks after its end.

use super::group_tree;
use crate::cache_dir;
use crate::proc;
use anyhow::{Context, Result};
use nix::fcntl::Flock;
use nix::mount::{MntFlags, MsFlags, mount, umount2};
use std::cell::OnceCell;
use std::fs::{self, File};
use std::path::{Path, PathBuf};

/// A hierarchy that can be made.
pub struct Hierarchy {
    name: String,
    directory: PathBuf,
    /// With the lock by which others see that somebody uses it.
    made: OnceCell<Result<Option<Flock<File>>, String>>,
}

impl Hierarchy {
    /// One of this name, to be mounted on this directory.
    pub fn new(name: &str, directory: PathBuf) -> Hierarchy {
        Hierarchy { name: name.into(), directory, made: OnceCell::new() }
    }

    /// Its directory, mounted by now; or why it can't be.
    pub fn mounted(&self) -> Result<&Path, String> {
        let make = || {
            fs::create_dir(&self.directory)?;
            mount_at(&self.directory, &self.name)?;
            cache_dir::lock(&self.directory)
        };
        let made: &Result<_, String> =
            self.made.get_or_init(|| make().map_err(|error: anyhow::Error| format!("{error:#}")));
        made.as_ref().map(|_| self.directory.as_path()).map_err(Clone::clone)
    }

    /// What mount(2) calls it.
    pub fn options(&self) -> String {
        options(&self.name)
    }
}

fn options(name: &str) -> String {
    format!("none,name={name}")
}

fn mount_at(directory: &Path, name: &str) -> Result<()> {
    mount(Some("decoy"), directory, Some("cgroup"), MsFlags::empty(), Some(options(name).as_str()))
        .context("no named v1 hierarchy can be made")
}

/// The names of all that there are, from `/proc/self/cgroup`.
pub fn names(own: &str) -> impl Iterator<Item = &str> {
    proc::control_groups(own).filter_map(|(controllers, _)| controllers.strip_prefix("name="))
}

/// Whether a hierarchy of this name is there, mounted or not.
pub fn is_there(name: &str) -> bool {
    names(&proc::read("self", "cgroup")).any(|it| it == name)
}

/// Whether a hierarchy's maker is dead. The calling process has a mount namespace of its own; `place` is any directory.
pub fn is_stale(name: &str, place: &Path) -> bool {
    // Mounting one that is gone would make it.
    if !is_there(name) || mount_at(place, name).is_err() {
        return false;
    }
    let free = cache_dir::lock(place).is_ok_and(|lock| lock.is_some());
    let _ = umount2(place, MntFlags::MNT_DETACH);
    free
}

/// Removes the groups of a hierarchy that nobody has mounted any more, and so itself. It is gone some moments later;
/// not, if a group was still dying: then ask again. The calling process has a mount namespace of its own; `place` is
/// any directory.
pub fn remove(name: &str, place: &Path) {
    // Mounting one that is gone would make it.
    if is_there(name) && mount_at(place, name).is_ok() {
        for entry in fs::read_dir(place).into_iter().flatten().flatten() {
            if entry.file_type().is_ok_and(|kind| kind.is_dir()) {
                let _ = group_tree::remove(&entry.path());
            }
        }
        let _ = umount2(place, MntFlags::MNT_DETACH);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn named_hierarchies_are_found() {
        let own = "10:name=container-labs-7-9-0:/\n9:name=systemd:/\n8:pids:/name=odd\n0::/\n";
        assert_eq!(names(own).collect::<Vec<_>>(), ["container-labs-7-9-0", "systemd"]);
    }
}
