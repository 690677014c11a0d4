//! What is known of a file.

use super::image::{Cursor, Image};
use super::tables::{NONE, Tables};
use anyhow::{Result, bail, ensure};
use nix::libc;
use nix::sys::stat::{SFlag, makedev};
use std::rc::Rc;

/// The longest target of a link (symlink(2)).
const MAX_TARGET: u32 = 4095;

/// An inode.
pub(super) struct Inode {
    /// Its mode, without its type.
    pub mode: u32,
    /// Its owner and group.
    pub uid: u32,
    pub gid: u32,
    /// When it was last changed, in seconds since 1970.
    pub changed: i64,
    /// How many names it has.
    pub links: u32,
    /// The number of its attributes; [`NONE`] without.
    pub attributes: u32,
    /// What it is.
    pub what: What,
}

/// What an inode is.
pub(super) enum What {
    /// A directory: where its listing is, and how many bytes, as the kernel counts them.
    Directory { listing: Cursor, size: u64 },
    /// A regular file.
    File(Rc<Blocks>),
    /// A link, and its target.
    Link(Vec<u8>),
    /// A device.
    Node(SFlag, libc::dev_t),
    /// A named pipe.
    Pipe,
    /// A socket.
    Socket,
}

/// Where the bytes of a file are.
pub(super) struct Blocks {
    /// Its size in bytes.
    pub size: u64,
    /// Where the first block is.
    pub start: u64,
    /// The length of each.
    pub list: Cursor,
    /// Where the rest is, too small for a block: the number of a fragment, and how far into it.
    pub fragment: Option<(u32, u32)>,
}

impl Inode {
    /// The inode at a place.
    ///
    /// # Errors
    /// It is damaged.
    pub(super) fn read(image: &Image, tables: &Tables, reference: u64) -> Result<Inode> {
        let at = &mut Cursor::of(image.superblock.inode_table, reference)?;
        let (kind, mode, uid, gid) = (at.u16(image)?, at.u16(image)?, at.u16(image)?, at.u16(image)?);
        let (changed, _number) = (at.u32(image)?, at.u32(image)?);
        let mut inode = Inode {
            mode: u32::from(mode) & 0o7777,
            uid: tables.owner(uid)?,
            gid: tables.owner(gid)?,
            changed: changed.into(),
            links: 1,
            attributes: NONE,
            what: What::Socket,
        };
        let is_long = kind > 7;
        inode.what = match kind {
            1 => inode.directory(image, at)?,
            8 => inode.long_directory(image, at)?,
            2 => inode.file(image, at)?,
            9 => inode.long_file(image, at)?,
            3 | 10 => {
                inode.links = at.u32(image)?;
                let length = at.u32(image)?;
                ensure!((1..=MAX_TARGET).contains(&length), "a link to a path of {length} bytes");
                let target = at.bytes(image, length as usize)?;
                ensure!(!target.contains(&0), "a link whose target has a NUL byte");
                What::Link(target)
            }
            4 | 11 => inode.node(image, at, SFlag::S_IFBLK)?,
            5 | 12 => inode.node(image, at, SFlag::S_IFCHR)?,
            6 | 13 | 7 | 14 => {
                inode.links = at.u32(image)?;
                if matches!(kind, 6 | 13) { What::Pipe } else { What::Socket }
            }
            _ => bail!("it is damaged: a file of kind {kind}"),
        };
        if is_long && !matches!(kind, 8 | 9) {
            inode.attributes = at.u32(image)?;
        }
        Ok(inode)
    }

    fn directory(&mut self, image: &Image, at: &mut Cursor) -> Result<What> {
        let (block, links, size) = (at.u32(image)?, at.u32(image)?, at.u16(image)?);
        let offset = at.u16(image)?;
        self.links = links;
        listing(image, block, offset, size.into())
    }

    fn long_directory(&mut self, image: &Image, at: &mut Cursor) -> Result<What> {
        let (links, size, block) = (at.u32(image)?, at.u32(image)?, at.u32(image)?);
        let (_parent, _indexes, offset) = (at.u32(image)?, at.u16(image)?, at.u16(image)?);
        self.links = links;
        self.attributes = at.u32(image)?;
        listing(image, block, offset, size.into())
    }

    fn file(&mut self, image: &Image, at: &mut Cursor) -> Result<What> {
        let (start, fragment, offset) = (at.u32(image)?, at.u32(image)?, at.u32(image)?);
        let size = at.u32(image)?;
        Ok(blocks(size.into(), start.into(), *at, fragment, offset))
    }

    fn long_file(&mut self, image: &Image, at: &mut Cursor) -> Result<What> {
        let (start, size, _holes) = (at.u64(image)?, at.u64(image)?, at.u64(image)?);
        self.links = at.u32(image)?;
        let (fragment, offset) = (at.u32(image)?, at.u32(image)?);
        self.attributes = at.u32(image)?;
        Ok(blocks(size, start, *at, fragment, offset))
    }

    fn node(&mut self, image: &Image, at: &mut Cursor, kind: SFlag) -> Result<What> {
        self.links = at.u32(image)?;
        // As the kernel packs it in 32 bits: include/linux/kdev_t.h, new_decode_dev.
        let device = at.u32(image)?;
        let (major, minor) = ((device >> 8) & 0xfff, (device & 0xff) | ((device >> 12) & 0xfff00));
        Ok(What::Node(kind, makedev(major.into(), minor.into())))
    }
}

fn listing(image: &Image, block: u32, offset: u16, size: u64) -> Result<What> {
    let listing = Cursor::of(image.superblock.directory_table, u64::from(block) << 16 | u64::from(offset))?;
    Ok(What::Directory { listing, size })
}

fn blocks(size: u64, start: u64, list: Cursor, fragment: u32, offset: u32) -> What {
    What::File(Rc::new(Blocks {
        size,
        start,
        list,
        fragment: (fragment != NONE).then_some((fragment, offset)),
    }))
}
