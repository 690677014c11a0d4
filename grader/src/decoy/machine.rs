//! What a decoy shows of the machine: programs and libraries, and devices that harm nobody.
//!
//! A mount from outside of a user namespace is locked in its place there, and a directory that has one below it is not bound
//! without it (EINVAL, mount_namespaces(7)), as it is on a real host. So for a decoy of the user kind all this is mounted at a place
//! of its own, which locks the flags, and PID 1 binds it from there to where it belongs.

use crate::beneath::Directory;
use anyhow::{Context, Result};
use nix::mount::{MsFlags, mount};
use std::fs;
use std::io::ErrorKind;
use std::path::Path;

/// Directories of the machine, shown where they exist.
pub const DIRECTORIES: [&str; 8] =
    ["usr", "bin", "sbin", "lib", "lib32", "lib64", "libx32", "etc/alternatives"];

/// Its devices.
pub const FILES: [&str; 6] = ["dev/null", "dev/zero", "dev/full", "dev/random", "dev/urandom", "dev/tty"];

/// The place of their own, from the decoy's tree.
pub const PLACE: &str = "../machine";

const NONE: Option<&str> = None;

/// Makes that place, for a tree at `stage`.
///
/// # Errors
/// Here and below: what the system said.
pub fn make_place(stage: &Path) -> Result<Directory> {
    match Directory::open(&stage.join(".."))?.make("machine", 0o755) {
        Err(error) if error.kind() != ErrorKind::AlreadyExists => return Err(error).context("mkdir machine"),
        _ => {}
    }
    let place = stage.join(PLACE);
    mount(Some("machine"), &place, Some("tmpfs"), MsFlags::empty(), Some("mode=755,size=64k"))
        .context("mount(2) of a tmpfs")?;
    Ok(Directory::open(&place)?)
}

/// In PID 1, whose working directory is the decoy's tree: binds what is mounted there to where it belongs.
pub fn bind() -> Result<()> {
    for name in DIRECTORIES.into_iter().chain(FILES) {
        let from = Path::new(PLACE).join(name);
        if fs::symlink_metadata(&from).is_ok() {
            mount(Some(&from), name, NONE, MsFlags::MS_BIND | MsFlags::MS_REC, NONE)
                .with_context(|| format!("binding /{name}"))?;
        }
    }
    Ok(())
}
