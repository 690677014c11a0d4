//! Reads SquashFS 4.0 file systems (the kernel's Documentation/filesystems/squashfs.rst), as mksquashfs(1) makes them.
//!
//! By hand: the crate that reads them knows no extended attributes, so no capabilities, and no hard links. Every number
//! in the file may be a lie: each is checked against the file's length or the limits before it is used.
//!
//! # Layout
//! - `image`: the file, its superblock, and blocks of it, unpacked
//! - `tables`: what is listed in tables: owners, fragments, attributes
//! - `inode`: what is known of a file
//! - `content`: the bytes of a file

mod content;
mod image;
mod inode;
mod tables;

use super::item::{Item, Kind, path, shown};
use super::limits::Limits;
use super::tree::Tree;
use super::watch::Watch;
use anyhow::{Context, Result, ensure};
use content::Content;
use image::{Cursor, Image};
use inode::{Inode, What};
use std::collections::{HashMap, HashSet};
use std::ffi::OsStr;
use std::fs::File;
use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};
use tables::Tables;

/// Unpacks a file system.
///
/// # Errors
/// It is damaged or cut off, a file is refused, or the limits are reached.
pub(super) fn unpack(file: &File, tree: &mut Tree, limits: &Limits, watch: &Watch) -> Result<()> {
    let image = Image::open(file, watch)?;
    let tables = Tables::read(&image).context("reading its tables")?;
    let root = image.superblock.root;
    let mut walk = Walk { image, tables, limits, names: HashMap::new(), directories: HashSet::new() };
    walk.file(root, Path::new(""), tree).context("its top directory")
}

struct Walk<'a> {
    image: Image<'a>,
    tables: Tables,
    limits: &'a Limits,
    /// The first name of each file that has more than one.
    names: HashMap<u64, PathBuf>,
    directories: HashSet<u64>,
}

/// One name in a directory, and where its inode is.
struct Entry {
    name: Vec<u8>,
    inode: u64,
}

impl Walk<'_> {
    fn file(&mut self, reference: u64, at: &Path, tree: &mut Tree) -> Result<()> {
        let inode = Inode::read(&self.image, &self.tables, reference)?;
        let mut item = Item {
            path: at.to_owned(),
            kind: Kind::Directory,
            mode: inode.mode,
            uid: inode.uid,
            gid: inode.gid,
            changed: (inode.changed, 0),
            attributes: self.tables.attributes(&self.image, inode.attributes)?,
        };
        item.kind = match &inode.what {
            What::Directory { .. } => Kind::Directory,
            What::File(blocks) => Kind::File(blocks.size),
            What::Link(target) => Kind::Link(PathBuf::from(OsStr::from_bytes(target))),
            What::Node(kind, device) => Kind::Node(*kind, *device),
            What::Pipe => Kind::Pipe,
            What::Socket => Kind::Socket,
        };
        if inode.links > 1 && !matches!(item.kind, Kind::Directory) {
            match self.names.get(&reference) {
                Some(first) => item.kind = Kind::Same(first.clone()),
                None => drop(self.names.insert(reference, at.to_owned())),
            }
        }
        match (&item.kind, &inode.what) {
            (Kind::File(_), What::File(blocks)) => {
                tree.put(&item, &mut Content::new(&self.image, &self.tables, blocks.clone()))
            }
            _ => tree.put(&item, &mut std::io::empty()),
        }?;
        match inode.what {
            What::Directory { listing, size } => self.directory(reference, at, listing, size, tree),
            _ => Ok(()),
        }
    }

    fn directory(
        &mut self,
        reference: u64,
        at: &Path,
        listing: Cursor,
        size: u64,
        tree: &mut Tree,
    ) -> Result<()> {
        ensure!(self.directories.insert(reference), "a directory that is in two places");
        for Entry { name, inode } in self.entries(listing, size)? {
            let inner = Path::new(OsStr::from_bytes(&name));
            let is_name = inner.file_name().is_some_and(|it| it == inner.as_os_str());
            ensure!(is_name && !name.contains(&b'/'), "{}: that is no name of a file", shown(&name));
            let inner = path(at.join(inner).as_os_str().as_bytes(), self.limits.depth)?;
            self.file(inode, &inner, tree).with_context(|| shown(&name))?;
        }
        Ok(())
    }

    /// The names in a directory. A listing is a row of runs, each of inodes that are near each other.
    fn entries(&self, mut listing: Cursor, size: u64) -> Result<Vec<Entry>> {
        /// The most names in a run.
        const MAX_RUN: u32 = 256;
        // As the kernel counts: "." and ".." are not written.
        let mut left = size.saturating_sub(3);
        let mut entries = Vec::new();
        while left > 0 {
            let count = listing.u32(&self.image)?.saturating_add(1);
            let block = listing.u32(&self.image)?;
            let _first_number = listing.u32(&self.image)?;
            ensure!(count <= MAX_RUN, "a damaged directory");
            left = left.checked_sub(12).context("a damaged directory")?;
            for _ in 0..count {
                let offset = listing.u16(&self.image)?;
                let _number = listing.u16(&self.image)?;
                let _kind = listing.u16(&self.image)?;
                let length = usize::from(listing.u16(&self.image)?) + 1;
                let name = listing.bytes(&self.image, length)?;
                left = left.checked_sub(8 + length as u64).context("a damaged directory")?;
                entries.push(Entry { name, inode: u64::from(block) << 16 | u64::from(offset) });
                ensure!(
                    entries.len() as u64 <= self.limits.entries,
                    "it holds more than {} files",
                    self.limits.entries
                );
            }
        }
        Ok(entries)
    }
}
