//! A hierarchy of control groups, mounted anew (cgroups(7)): an attacker need not take the mount that it finds.

use nix::errno::Errno;
use nix::fcntl::{AT_FDCWD, OFlag, open};
use nix::mount::{MsFlags, mount};
use nix::sys::stat::{Mode, mkdirat};
use nix::sys::statfs::{CGROUP_SUPER_MAGIC, CGROUP2_SUPER_MAGIC, fstatfs};
use nix::sys::uio::pwrite;
use std::fs;
use std::path::Path;

/// Makes a directory to mount on.
pub fn place() -> &'static str {
    let places = ["/tmp/groups", "/run/groups", "/groups"];
    places.into_iter().find(|place| fs::create_dir_all(place).is_ok()).unwrap_or("/tmp")
}

/// Mounts a hierarchy: `cgroup` with the options that name it, or `cgroup2`. Its root is what the caller's cgroup
/// namespace lets it be.
pub fn mount_at(place: &str, kind: &str, options: &str) -> Result<(), Errno> {
    let options = Some(options).filter(|options| !options.is_empty());
    mount(Some("groups"), place, Some(kind), MsFlags::empty(), options)
}

/// Makes a group, with mkdirat(2).
pub fn make(place: &str, name: &str) -> Result<(), Errno> {
    mkdirat(AT_FDCWD, &Path::new(place).join(name), Mode::from_bits_truncate(0o755))
}

/// Writes to a file of a group, with pwrite64(2), which the probe uses for nothing else. What is no such file, whatever its
/// path, is not written to.
pub fn write(place: &str, file: &str, text: &str) -> Result<(), Errno> {
    let file = open(&Path::new(place).join(file), OFlag::O_WRONLY | OFlag::O_CLOEXEC, Mode::empty())?;
    match fstatfs(&file)?.filesystem_type() {
        CGROUP_SUPER_MAGIC | CGROUP2_SUPER_MAGIC => pwrite(&file, text.as_bytes(), 0).map(drop),
        _ => Err(Errno::ENXIO),
    }
}
