//! How large a root file system may be: a copy of it is made in memory for every trial, since a program may do to it
//! what it likes. An overlay would be another root than the one that the program is given: another device, other inodes,
//! no handles (overlayfs.rst, "Non-standard behavior"), and attempts are about these.

use super::bytes::size_in_words;
use super::words::Words;
use crate::beneath::{Directory, Size};
use anyhow::{Context, Result, bail};
use std::fs;
use std::path::Path;

/// A copy may take so much memory.
const MAX_BYTES: u64 = 1 << 30;

/// And so many files.
const MAX_FILES: u64 = 200_000;

/// So many copies there are at once: one for each worker.
pub const COPIES: u64 = 3;

/// From this on it is worth a word how much memory it takes.
const LARGE: u64 = 64 << 20;

/// What a copy of a root file system takes, if it may be copied.
///
/// # Errors
/// It is too large, for the grader or for this machine's memory, or it can't be read.
pub(super) fn check(path: &Path, Words { what, way_out }: &Words) -> Result<Size> {
    let measured = Directory::open(path)?.into_entry().map_err(Into::into).and_then(|top| Size::of(&top));
    let size = measured.with_context(|| format!("{what}: it can't be copied ({way_out})"))?;
    let (bytes, files) = (size_in_words(size.bytes), size.files);
    if size.bytes > MAX_BYTES || files > MAX_FILES {
        bail!(
            "{what}: each trial copies it into memory, and it has {bytes} in {files} files; the limit is {} in \
             {MAX_FILES} files; remove what no program needs (usr/share/doc, usr/share/locale, var/cache), or {way_out}",
            size_in_words(MAX_BYTES)
        );
    }
    match memory() {
        Some(free) if free / COPIES < size.bytes && size.bytes > LARGE => bail!(
            "{what}: each trial copies it into memory, {COPIES} times {bytes} at once, and {} are free on this machine; \
             remove what no program needs (usr/share/doc, usr/share/locale, var/cache), or {way_out}",
            size_in_words(free)
        ),
        _ => Ok(size),
    }
}

/// What is worth saying before a run.
pub fn in_words(size: Size) -> Option<String> {
    (size.bytes > LARGE)
        .then(|| format!("the root file system takes {COPIES} times {} of memory", size_in_words(size.bytes)))
}

/// The memory that can be had, in bytes (proc_meminfo(5)).
fn memory() -> Option<u64> {
    let text = fs::read_to_string("/proc/meminfo").ok()?;
    let line = text.lines().find_map(|line| line.strip_prefix("MemAvailable:"))?;
    line.trim().strip_suffix("kB")?.trim().parse::<u64>().ok().map(|kib| kib << 10)
}
