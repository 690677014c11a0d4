//! What the decoy's PID 1 sees of itself: its mounts, its name, the processes in its PID namespace. By the host's own
//! `/proc`, as it was opened at first: what stands at that path now may be another's.

use anyhow::{Context, Result};
use nix::dir::Dir;
use nix::fcntl::{OFlag, openat};
use nix::sys::stat::Mode;
use std::collections::BTreeSet;
use std::fs;
use std::io::Read;
use std::os::fd::OwnedFd;

/// The mount table of the calling process.
pub fn mounts(proc: &OwnedFd) -> Result<String> {
    let mut text = Vec::new();
    mountinfo(proc)?.read_to_end(&mut text).context("mountinfo")?;
    Ok(String::from_utf8_lossy(&text).into_owned())
}

/// The same, to be read line by line.
pub fn mountinfo(proc: &OwnedFd) -> Result<fs::File> {
    let file = openat(proc, "self/mountinfo", OFlag::O_RDONLY | OFlag::O_CLOEXEC, Mode::empty());
    Ok(fs::File::from(file.context("mountinfo")?))
}

/// The fifth field (proc_pid_mountinfo(5)).
pub fn mount_point(line: &str) -> &str {
    line.split(' ').nth(4).unwrap_or_default()
}

/// The host's name.
pub fn name() -> Result<String> {
    Ok(nix::unistd::gethostname().context("gethostname(2)")?.to_string_lossy().into_owned())
}

/// The processes in the calling process's PID namespace.
pub fn processes(proc: &OwnedFd) -> Result<BTreeSet<i32>> {
    let flags = OFlag::O_RDONLY | OFlag::O_DIRECTORY | OFlag::O_CLOEXEC;
    let mut directory = Dir::from_fd(openat(proc, ".", flags, Mode::empty())?)?;
    let entries = directory.iter().collect::<nix::Result<Vec<_>>>()?;
    Ok(entries.iter().filter_map(|entry| entry.file_name().to_str().ok()?.parse().ok()).collect())
}
