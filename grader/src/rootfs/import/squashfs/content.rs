//! The bytes of a file: blocks of one size, and what is left in a fragment, a block that several files share.

use super::image::{Cursor, Image};
use super::inode::Blocks;
use super::tables::Tables;
use anyhow::{Context, Result, ensure};
use std::io::{self, Read};
use std::rc::Rc;

/// In the length of a block: it is stored as it is.
const AS_IT_IS: u32 = 1 << 24;

/// Reads one file.
pub(super) struct Content<'a> {
    image: &'a Image<'a>,
    tables: &'a Tables,
    blocks: Rc<Blocks>,
    /// The length of the next block, and where it is.
    next: Cursor,
    place: u64,
    left: u64,
    block: Vec<u8>,
    read: usize,
}

impl<'a> Content<'a> {
    /// That of a file.
    pub(super) fn new(image: &'a Image<'a>, tables: &'a Tables, blocks: Rc<Blocks>) -> Content<'a> {
        let (next, place, left) = (blocks.list, blocks.start, blocks.size);
        Content { image, tables, blocks, next, place, left, block: Vec::new(), read: 0 }
    }

    /// The next block of the file.
    fn block(&mut self) -> Result<Vec<u8>> {
        let size = self.image.superblock.block_size as usize;
        let wanted = usize::try_from(self.left).unwrap_or(usize::MAX).min(size);
        if let Some((number, offset)) = self.blocks.fragment.filter(|_| wanted < size) {
            let (at, length) = self.tables.fragment(number)?;
            let all = self.image.fragments(at, length & !AS_IT_IS, length & AS_IT_IS == 0)?;
            let end = (offset as usize).checked_add(wanted).context("a damaged fragment")?;
            let part =
                all.get(offset as usize..end).context("it is damaged: a fragment that is too short")?;
            return Ok(part.to_vec());
        }
        let length = self.next.u32(self.image)?;
        // A hole.
        if length == 0 {
            return Ok(vec![0; wanted]);
        }
        let stored = length & !AS_IT_IS;
        let block = self.image.data(self.place, stored, length & AS_IT_IS == 0, size)?;
        ensure!(
            block.len() == wanted,
            "it is damaged: a block of {} bytes in place of {wanted}",
            block.len()
        );
        self.place += u64::from(stored);
        Ok(block)
    }
}

impl Read for Content<'_> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        if self.read == self.block.len() {
            if self.left == 0 {
                return Ok(0);
            }
            self.block = self.block().map_err(|error| io::Error::other(format!("{error:#}")))?;
            self.read = 0;
            self.left -= self.block.len() as u64;
        }
        let taken = buffer.len().min(self.block.len() - self.read);
        buffer[..taken].copy_from_slice(&self.block[self.read..self.read + taken]);
        self.read += taken;
        Ok(taken)
    }
}
