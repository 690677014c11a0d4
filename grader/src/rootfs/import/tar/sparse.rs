//! The content of a member: what is in the archive, and zeros for the holes of a file.
//!
//! There are four ways to write where the holes are (GNU tar's manual, "Storing Sparse Files"): in the header, in PAX
//! records of two forms, and at the beginning of the content.

use super::members::{BLOCK, Extent, Member, Members, cut_off};
use super::records::number;
use anyhow::{Context, Result, ensure};
use std::collections::VecDeque;
use std::io::{self, ErrorKind, Read};
use tar::GnuExtSparseHeader;

/// More parts than any real file has.
const MAX_EXTENTS: usize = 100_000;

/// The size of a file with holes, and its parts that are in the archive. None where it has no holes.
///
/// # Errors
/// What is written of it can't be.
pub(super) fn map<R: Read>(
    member: &mut Member,
    members: &mut Members<R>,
) -> Result<Option<(u64, Vec<Extent>)>> {
    let (size, map) = if member.header.entry_type().is_gnu_sparse() {
        in_header(member, members)?
    } else if member.records.number("GNU.sparse.major")? == Some(1) {
        (in_records(member)?, in_content(member, members)?)
    } else if let Some(map) = member.records.get("GNU.sparse.map") {
        (in_records(member)?, pairs(map.split(|byte| *byte == b','))?)
    } else if member.records.get("GNU.sparse.numblocks").is_some() {
        (in_records(member)?, pairs(member.records.all(&["GNU.sparse.offset", "GNU.sparse.numbytes"]))?)
    } else {
        return Ok(None);
    };
    let (mut end, mut stored) = (0, 0);
    for (offset, length) in &map {
        ensure!(*offset >= end, "its parts overlap");
        end = offset.checked_add(*length).context("it ends beyond all numbers")?;
        // Not more than `end`, so no overflow.
        stored += length;
    }
    ensure!(end <= size, "a part of it is behind its end");
    ensure!(stored == member.stored, "its parts are {stored} bytes, and {} are there", member.stored);
    Ok(Some((size, map)))
}

/// The real size, from the records.
fn in_records(member: &Member) -> Result<u64> {
    let size = member.records.number("GNU.sparse.realsize")?;
    size.or(member.records.number("GNU.sparse.size")?).context("it has no size")
}

fn in_header<R: Read>(member: &Member, members: &mut Members<R>) -> Result<(u64, Vec<Extent>)> {
    let header = member.header.as_gnu().context("a header of another kind")?;
    let mut map = Vec::new();
    let mut add = |parts: &[tar::GnuSparseHeader]| -> Result<()> {
        for part in parts.iter().filter(|part| !part.is_empty()) {
            map.push((part.offset()?, part.length()?));
        }
        ensure!(map.len() <= MAX_EXTENTS, "it has more than {MAX_EXTENTS} parts");
        Ok(())
    };
    add(&header.sparse)?;
    let mut more = header.is_extended();
    while more {
        let mut next = GnuExtSparseHeader::new();
        next.as_mut_bytes().copy_from_slice(&members.block()?);
        add(&next.sparse)?;
        more = next.is_extended() && !next.sparse.iter().all(tar::GnuSparseHeader::is_empty);
    }
    Ok((header.real_size()?, map))
}

/// Decimal numbers, one a line, filled up to a block: how many parts, and for each its two.
fn in_content<R: Read>(member: &mut Member, members: &mut Members<R>) -> Result<Vec<Extent>> {
    let (mut numbers, mut line, mut wanted) = (Vec::new(), Vec::new(), None);
    while wanted.is_none_or(|wanted| numbers.len() < wanted) {
        member.stored = member.stored.checked_sub(BLOCK as u64).context("its map is longer than it is")?;
        for byte in members.block()? {
            match (byte, wanted) {
                (b'\n', None) => {
                    let count = usize::try_from(number(&line)?).ok().filter(|count| *count <= MAX_EXTENTS);
                    wanted =
                        Some(2 * count.with_context(|| format!("it has more than {MAX_EXTENTS} parts"))?);
                    line.clear();
                }
                (b'\n', Some(wanted)) if numbers.len() < wanted => numbers.push(std::mem::take(&mut line)),
                (_, Some(wanted)) if numbers.len() >= wanted => break,
                _ => line.push(byte),
            }
            ensure!(line.len() <= 20, "its map is damaged");
        }
    }
    pairs(numbers.iter().map(Vec::as_slice))
}

fn pairs<'a>(numbers: impl Iterator<Item = &'a [u8]>) -> Result<Vec<Extent>> {
    let numbers = numbers.map(number).collect::<Result<Vec<_>>>()?;
    ensure!(numbers.len() % 2 == 0 && numbers.len() <= 2 * MAX_EXTENTS, "its map is damaged");
    Ok(numbers.chunks_exact(2).map(|pair| (pair[0], pair[1])).collect())
}

/// The bytes of a member's file.
pub(super) struct Content<'a, R> {
    stream: &'a mut R,
    parts: VecDeque<Extent>,
    at: u64,
    size: u64,
    /// Bytes of the archive up to the next header.
    left: u64,
}

impl<'a, R: Read> Content<'a, R> {
    /// That of the member whose header was the last thing read.
    pub(super) fn new(stream: &'a mut R, member: &Member) -> Result<Content<'a, R>> {
        let left =
            member.stored.checked_next_multiple_of(BLOCK as u64).context("a size beyond all numbers")?;
        let parts = member.map.clone().unwrap_or_else(|| vec![(0, member.size)]);
        Ok(Content { stream, parts: parts.into(), at: 0, size: member.size, left })
    }

    /// Reads what is left, up to the next header: the fill, and all where nobody wanted it.
    ///
    /// # Errors
    /// The stream ends.
    pub(super) fn end(mut self) -> Result<()> {
        let left = std::mem::take(&mut self.left);
        let read = io::copy(&mut self.stream.take(left), &mut io::sink())?;
        ensure!(read == left, "it is cut off: its end is missing");
        Ok(())
    }
}

impl<R: Read> Read for Content<'_, R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let up_to = |count: u64| usize::try_from(count).unwrap_or(usize::MAX).min(buffer.len());
        while self.parts.front().is_some_and(|(offset, length)| self.at >= offset + length) {
            self.parts.pop_front();
        }
        let next = self.parts.front().map_or(self.size, |(offset, _)| *offset);
        if buffer.is_empty() || self.at == self.size {
            return Ok(0);
        }
        let read = if self.at < next {
            let read = up_to(next - self.at);
            buffer[..read].fill(0);
            read
        } else {
            let end = self.parts.front().map_or(self.size, |(offset, length)| offset + length);
            let most = up_to(end - self.at);
            let read = self.stream.read(&mut buffer[..most])?;
            if read == 0 {
                let error = io::Error::from(ErrorKind::UnexpectedEof);
                return Err(io::Error::other(format!("{:#}", cut_off(&error))));
            }
            self.left -= read as u64;
            read
        };
        self.at += read as u64;
        Ok(read)
    }
}
