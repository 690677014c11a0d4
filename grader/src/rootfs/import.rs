//! Makes a root file system of an archive, as the image server of the LXC project and others publish them.
//!
//! An archive is hostile: it can name files outside, go through links of its own, say that it is larger than any disk,
//! and end anywhere. Its members are put below one directory, which nobody else can enter, and which is renamed to its
//! place when all is well. Else nothing is left.
//!
//! # Layout
//! - `format`: what a file is. `zstd`: reads one of the compressed ones
//! - `item`: what an archive says of one file. `tar`, `squashfs`: the two kinds of archive
//! - `tree`: puts the files in their places. `xattr`: their attributes. `limits`: what an archive may ask for
//! - `lost`: what could not be as it is in the archive
//! - `part`: a root file system in the making
//! - `watch`: how far it is, and signals

mod format;
mod item;
mod limits;
mod lost;
pub(super) mod part;
mod squashfs;
mod tar;
mod tree;
mod watch;
mod xattr;
mod zstd;

pub use format::Format;
pub use limits::Limits;
pub use lost::{Kept, Lost};
pub use watch::Watch;

use super::check::check_made;
use super::machine_id::{self, MachineId};
use super::words::Words;
use crate::beneath::Directory;
use crate::interrupts::Interrupted;
use anyhow::{Context, Result, anyhow, bail, ensure};
use part::Part;
use std::fs::{self, File};
use std::io::{Read, Seek};
use std::path::{Path, PathBuf};
use tree::{Tree, Unpacked};

/// A root file system that was imported.
#[derive(Debug)]
pub struct Imported {
    /// Where it is.
    pub path: PathBuf,
    /// What the file was.
    pub format: Format,
    /// The bytes of all files, and how many files, directories and links there were.
    pub bytes: u64,
    /// See `bytes`.
    pub entries: u64,
    /// The directory of the archive that it was in; empty where that was the top.
    pub inner: PathBuf,
    /// What became of its `/etc/machine-id`.
    pub machine_id: MachineId,
    /// What could not be as it is in the archive.
    pub lost: Lost,
}

/// Unpacks an archive to `directory`, which is missing or empty.
///
/// # Errors
/// The archive is damaged, too large, or holds no root file system; a signal. Then nothing is left.
pub fn import(file: &Path, directory: &Path, limits: &Limits, watch: &Watch) -> Result<Imported> {
    let opened = open(file)?;
    unpack(file, opened, Part::begin(directory)?, limits, watch)
}

/// The same, to where a part is to be.
pub(super) fn import_into(file: &Path, part: Part, limits: &Limits, watch: &Watch) -> Result<Imported> {
    unpack(file, open(file)?, part, limits, watch)
}

fn unpack(
    file: &Path,
    (mut opened, format): (File, Format),
    part: Part,
    limits: &Limits,
    watch: &Watch,
) -> Result<Imported> {
    let mut work = || -> Result<_> {
        let mut tree = Tree::new(part.tree()?, *limits, watch);
        match format {
            Format::Squashfs => squashfs::unpack(&opened, &mut tree, limits, watch)?,
            _ => tar::unpack(format.stream(watch.count(&mut opened)), &mut tree, limits)?,
        }
        let inner = inner(tree.top())?;
        let machine_id = machine_id::fill(&tree.top().below(&inner)?)?;
        Ok((inner, machine_id, tree.finish()?))
    };
    let (inner, machine_id, unpacked) = work().map_err(|error| in_words(error, file, part.target()))?;
    let what = format!("cannot import {}", file.display());
    let way_out = "take another archive, or make one with `grader rootfs build DIR`";
    check_made(&part.path(&inner), &Words { what, way_out })?;
    let path = part.target().to_owned();
    part.put(&inner)?;
    let Unpacked { bytes, entries, lost } = unpacked;
    Ok(Imported { path, format, bytes, entries, inner, machine_id, lost })
}

/// The file, at its beginning, and what it is.
fn open(path: &Path) -> Result<(File, Format)> {
    let shown = path.display();
    let found = fs::metadata(path).with_context(|| format!("{shown}: can't be read"))?;
    ensure!(
        !found.is_dir(),
        "{shown}: that is a directory and no archive; `grader rootfs check {shown}` says whether it can serve as it is"
    );
    ensure!(found.is_file(), "{shown}: that is no regular file");
    let mut file = File::open(path).with_context(|| format!("{shown}: can't be read"))?;
    let mut head = Vec::new();
    (&mut file).take(format::HEAD as u64).read_to_end(&mut head).with_context(|| shown.to_string())?;
    let format = Format::of(&head).with_context(|| format!("cannot import {shown}"))?;
    file.rewind()?;
    Ok((file, format))
}

/// The directory that is the root: `rootfs` in an image of LXD and Incus, the only system in some others' archives.
fn inner(top: &Directory) -> Result<PathBuf> {
    let is_directory = |path: &Path| top.below(path).is_ok();
    let has = |at: &Path, names: &[&str]| names.iter().any(|name| top.entry(at.join(name)).is_ok());
    let is_system = |at: &Path| has(at, &["bin", "usr"]) && has(at, &["etc", "lib", "usr", "bin/sh"]);
    if is_system(Path::new("")) {
        return Ok(PathBuf::new());
    }
    let names: Vec<PathBuf> = top.names()?.into_iter().map(PathBuf::from).collect();
    let systems: Vec<_> = names.iter().filter(|name| is_directory(name) && is_system(name)).collect();
    if let Some(rootfs) = systems.iter().find(|name| **name == Path::new("rootfs")) {
        return Ok((*rootfs).clone());
    }
    let has_name = |name: &str| names.iter().any(|it| it == Path::new(name));
    match systems.as_slice() {
        [only] => Ok((*only).clone()),
        [_, _, ..] => bail!("there are {} systems in it, and none is named rootfs", systems.len()),
        [] if has_name("metadata.yaml") => bail!(
            "it holds what is to be said of an image (metadata.yaml), and not the image: take rootfs.tar.xz or \
             rootfs.squashfs, which lies beside it"
        ),
        [] if has_name("manifest.json") || has_name("oci-layout") => bail!(
            "it is a container image in layers; `docker export` or `podman export` makes one archive of a container"
        ),
        // Perhaps a bin that is nothing but a shell: the check will say.
        [] => Ok(PathBuf::new()),
    }
}

/// An error with the archive's name, and with what helps where the disk is full.
fn in_words(error: anyhow::Error, file: &Path, target: &Path) -> anyhow::Error {
    if let Some(Interrupted(signal)) = error.downcast_ref() {
        return Interrupted(*signal).into();
    }
    let full = error.chain().filter_map(|cause| cause.downcast_ref::<std::io::Error>()).any(|cause| {
        matches!(cause.kind(), std::io::ErrorKind::StorageFull | std::io::ErrorKind::QuotaExceeded)
    });
    let help = match full {
        true => format!("; make room beside {}, or name a directory on another disk", target.display()),
        false => String::new(),
    };
    anyhow!("cannot import {}: {error:#}{help}", file.display())
}

#[cfg(test)]
mod tests;
