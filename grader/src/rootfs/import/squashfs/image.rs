//! The file, its superblock, and blocks of it, unpacked.

use super::super::limits::MAX_WINDOW;
use super::super::watch::Watch;
use super::super::zstd::ZstdReader;
use anyhow::{Context, Result, bail, ensure};
use flate2::read::ZlibDecoder;
use lzma_rust2::XzReader;
use std::cell::RefCell;
use std::collections::HashMap;
use std::fs::File;
use std::io::Read;
use std::os::unix::fs::FileExt;
use std::rc::Rc;

/// A block of metadata holds so many bytes, when it is unpacked.
pub(super) const METADATA: usize = 8192;

/// So many unpacked blocks of metadata are kept.
const KEPT: usize = 256;

/// What the first 96 bytes say.
pub(super) struct Superblock {
    /// The size of a block of data in bytes.
    pub block_size: u32,
    compressor: u16,
    /// How many fragments there are, and how many owners.
    pub fragments: u32,
    pub owners: u16,
    /// Where the inode of the top directory is.
    pub root: u64,
    /// Where the tables begin.
    pub owner_table: u64,
    pub attribute_table: u64,
    pub inode_table: u64,
    pub directory_table: u64,
    pub fragment_table: u64,
}

/// A block of metadata, unpacked, and where the next one begins.
type Metadata = (Rc<Vec<u8>>, u64);

/// A file system in a file.
pub(super) struct Image<'a> {
    file: &'a File,
    watch: &'a Watch<'a>,
    length: u64,
    /// Its superblock.
    pub superblock: Superblock,
    metadata: RefCell<HashMap<u64, Metadata>>,
    /// The last block of fragments: the next file is likely to be in it.
    fragment: RefCell<Option<(u64, Rc<Vec<u8>>)>>,
}

impl<'a> Image<'a> {
    /// Reads the superblock.
    ///
    /// # Errors
    /// It is cut off, or of a kind that is not known.
    pub(super) fn open(file: &'a File, watch: &'a Watch<'a>) -> Result<Image<'a>> {
        let length = file.metadata()?.len();
        let mut bytes = [0; 96];
        file.read_exact_at(&mut bytes, 0).context("it is cut off: its superblock is missing")?;
        let at = |offset: usize| number(&bytes[offset..offset + 8]);
        let superblock = Superblock {
            block_size: number(&bytes[12..16]) as u32,
            fragments: number(&bytes[16..20]) as u32,
            compressor: number(&bytes[20..22]) as u16,
            owners: number(&bytes[26..28]) as u16,
            root: at(32),
            owner_table: at(48),
            attribute_table: at(56),
            inode_table: at(64),
            directory_table: at(72),
            fragment_table: at(80),
        };
        let (major, used) = (number(&bytes[28..30]), at(40));
        ensure!(major == 4, "it is of version {major} of squashfs; version 4 is read");
        ensure!(used <= length, "it is cut off: {length} of {used} bytes are there");
        let size = superblock.block_size;
        ensure!(size.is_power_of_two() && (4096..=1 << 20).contains(&size), "blocks of {size} bytes");
        Ok(Image {
            file,
            watch,
            length,
            superblock,
            metadata: RefCell::default(),
            fragment: RefCell::default(),
        })
    }

    /// Bytes of the file.
    ///
    /// # Errors
    /// They are not there.
    pub(super) fn raw(&self, at: u64, length: usize) -> Result<Vec<u8>> {
        let end = at.checked_add(length as u64).filter(|end| *end <= self.length);
        ensure!(end.is_some(), "it is damaged: {length} bytes at {at} are behind its end");
        let mut bytes = vec![0; length];
        self.file.read_exact_at(&mut bytes, at)?;
        self.watch.add(length as u64);
        Ok(bytes)
    }

    /// A number in the file, of 8 bytes.
    ///
    /// # Errors
    /// It is not there.
    pub(super) fn u64(&self, at: u64) -> Result<u64> {
        Ok(number(&self.raw(at, 8)?))
    }

    /// A block of data: at most `most` bytes, unpacked.
    ///
    /// # Errors
    /// It is not there, or damaged.
    pub(super) fn data(&self, at: u64, length: u32, is_packed: bool, most: usize) -> Result<Vec<u8>> {
        ensure!(length as usize <= most, "it is damaged: a block of {length} bytes");
        let bytes = self.raw(at, length as usize)?;
        if is_packed { self.unpack(&bytes, most) } else { Ok(bytes) }
    }

    /// A block of fragments, unpacked.
    ///
    /// # Errors
    /// It is not there, or damaged.
    pub(super) fn fragments(&self, at: u64, length: u32, is_packed: bool) -> Result<Rc<Vec<u8>>> {
        if let Some((_, block)) = self.fragment.borrow().as_ref().filter(|(place, _)| *place == at) {
            return Ok(Rc::clone(block));
        }
        let block = Rc::new(self.data(at, length, is_packed, self.superblock.block_size as usize)?);
        *self.fragment.borrow_mut() = Some((at, Rc::clone(&block)));
        Ok(block)
    }

    fn unpack(&self, bytes: &[u8], most: usize) -> Result<Vec<u8>> {
        let stream: Box<dyn Read + '_> = match self.superblock.compressor {
            1 => Box::new(ZlibDecoder::new(bytes)),
            4 => Box::new(XzReader::new_mem_limit(bytes, false, (MAX_WINDOW >> 10) as u32)),
            6 => Box::new(ZstdReader::new(bytes)),
            other => {
                let name = match other {
                    2 => "lzma",
                    3 => "lzo",
                    5 => "lz4",
                    _ => "an unknown program",
                };
                bail!(
                    "it is compressed by {name}, which is not read; gzip, xz and zstd are: unpack it with unsquashfs(1)"
                )
            }
        };
        let mut unpacked = Vec::new();
        stream.take(most as u64 + 1).read_to_end(&mut unpacked).context("unpacking a block")?;
        ensure!(unpacked.len() <= most, "it is damaged: a block of more than {most} bytes");
        Ok(unpacked)
    }

    /// A block of metadata, and where the next one begins.
    fn metadata(&self, at: u64) -> Result<Metadata> {
        if let Some((block, next)) = self.metadata.borrow().get(&at) {
            return Ok((Rc::clone(block), *next));
        }
        let header = number(&self.raw(at, 2)?) as u32;
        let length = header & 0x7fff;
        let block = Rc::new(self.data(at + 2, length, header & 0x8000 == 0, METADATA)?);
        let next = at + 2 + u64::from(length);
        let mut kept = self.metadata.borrow_mut();
        if kept.len() >= KEPT {
            kept.clear();
        }
        kept.insert(at, (Rc::clone(&block), next));
        Ok((block, next))
    }
}

/// A place in metadata: a block, and a byte in it when it is unpacked.
#[derive(Clone, Copy, Debug)]
pub(super) struct Cursor {
    /// Where the block begins in the file.
    pub block: u64,
    /// How far into it.
    pub offset: usize,
}

impl Cursor {
    /// The place that a reference names: the block counts from the beginning of a table.
    ///
    /// # Errors
    /// It is beyond all files.
    pub(super) fn of(table: u64, reference: u64) -> Result<Cursor> {
        let block = table.checked_add(reference >> 16).context("it is damaged: a place behind its end")?;
        Ok(Cursor { block, offset: (reference & 0xffff) as usize })
    }

    /// The next bytes.
    ///
    /// # Errors
    /// They are not there.
    pub(super) fn bytes(&mut self, image: &Image, length: usize) -> Result<Vec<u8>> {
        let mut bytes = Vec::new();
        while bytes.len() < length {
            let (block, next) = image.metadata(self.block)?;
            let there = block.get(self.offset..).context("it is damaged: a place behind a block")?;
            if there.is_empty() {
                ensure!(block.len() == METADATA, "it is damaged: a table that ends too soon");
                *self = Cursor { block: next, offset: 0 };
                continue;
            }
            let taken = there.len().min(length - bytes.len());
            bytes.extend(&there[..taken]);
            self.offset += taken;
        }
        Ok(bytes)
    }

    /// The next 2 bytes as a number.
    ///
    /// # Errors
    /// They are not there.
    pub(super) fn u16(&mut self, image: &Image) -> Result<u16> {
        Ok(number(&self.bytes(image, 2)?) as u16)
    }

    /// The next 4 bytes.
    ///
    /// # Errors
    /// They are not there.
    pub(super) fn u32(&mut self, image: &Image) -> Result<u32> {
        Ok(number(&self.bytes(image, 4)?) as u32)
    }

    /// The next 8 bytes.
    ///
    /// # Errors
    /// They are not there.
    pub(super) fn u64(&mut self, image: &Image) -> Result<u64> {
        Ok(number(&self.bytes(image, 8)?))
    }
}

/// Up to 8 bytes as a number, the lowest first.
fn number(bytes: &[u8]) -> u64 {
    bytes.iter().rev().fold(0, |number, byte| number << 8 | u64::from(*byte))
}
