//! The headers of one member: its own, and those before it: long names (GNU), PAX records.

use super::records::Records;
use anyhow::{Result, ensure};
use std::io::{ErrorKind, Read};
use tar::{EntryType, Header};

/// The unit of an archive.
pub(super) const BLOCK: usize = 512;

/// Headers that say more of a member are kept in memory: names, links, attributes, a map of holes.
const MAX_EXTRA: u64 = 1 << 20;

/// A part of a file that is in the archive: where it begins, and its length.
pub(super) type Extent = (u64, u64);

/// A member, of which the content comes next in the stream.
pub(super) struct Member {
    /// Its header.
    pub header: Header,
    /// Its path, as it is written.
    pub path: Vec<u8>,
    /// The target of a link.
    pub link: Vec<u8>,
    /// Its PAX records.
    pub records: Records,
    /// The size of its file in bytes.
    pub size: u64,
    /// The parts of the file that are in the archive, where it has holes.
    pub(super) map: Option<Vec<Extent>>,
    /// So many bytes are in the archive.
    pub(super) stored: u64,
}

/// The members of a stream.
pub(super) struct Members<R> {
    stream: R,
}

impl<R: Read> Members<R> {
    /// Those of this stream.
    pub(super) fn new(stream: R) -> Members<R> {
        Members { stream }
    }

    /// The next member; none at the end of the archive, a block of zeros.
    ///
    /// # Errors
    /// What is there is no header, or the stream ends.
    pub(super) fn next(&mut self) -> Result<Option<Member>> {
        let (mut path, mut link, mut records) = (None, None, Records::default());
        loop {
            let block = self.block()?;
            if block.iter().all(|byte| *byte == 0) {
                ensure!(
                    path.is_none() && link.is_none() && records.is_empty(),
                    "the member after its last header is missing"
                );
                return Ok(None);
            }
            let header = Header::from_byte_slice(&block).clone();
            ensure!(is_sum_right(&block), "the checksum of a header is wrong");
            match header.entry_type() {
                EntryType::GNULongName => path = Some(self.name(&header)?),
                EntryType::GNULongLink => link = Some(self.name(&header)?),
                EntryType::XHeader => records.add(&self.extra(header.entry_size()?)?)?,
                // It says something of the archive: git-archive(1) puts the commit there.
                EntryType::XGlobalHeader => drop(self.extra(header.entry_size()?)?),
                _ => return self.member(header, path, link, records).map(Some),
            }
        }
    }

    fn member(
        &mut self,
        header: Header,
        path: Option<Vec<u8>>,
        link: Option<Vec<u8>>,
        records: Records,
    ) -> Result<Member> {
        let record = |key: &str| records.get(key).map(<[u8]>::to_vec);
        let path = record("GNU.sparse.name").or_else(|| record("path")).or(path);
        let link = record("linkpath").or(link);
        let mut member = Member {
            path: path.unwrap_or_else(|| header.path_bytes().into_owned()),
            link: link.unwrap_or_else(|| header.link_name_bytes().unwrap_or_default().into_owned()),
            size: 0,
            map: None,
            stored: records.number("size")?.map_or_else(|| header.entry_size(), Ok)?,
            header,
            records,
        };
        let is_file = matches!(
            member.header.entry_type(),
            EntryType::Regular | EntryType::Continuous | EntryType::GNUSparse
        );
        // Some programs write the size of the file also where its content is not here: that of a hard link.
        if !is_file && !matches!(member.header.entry_type(), EntryType::Directory) {
            member.stored = 0;
        }
        member.size = member.stored;
        Ok(member)
    }

    /// Where the content of the member comes that [`Members::next`] has just given.
    pub(super) fn stream(&mut self) -> &mut R {
        &mut self.stream
    }

    /// What comes after the end.
    pub(super) fn into_stream(self) -> R {
        self.stream
    }

    /// The next block.
    pub(super) fn block(&mut self) -> Result<[u8; BLOCK]> {
        let mut block = [0; BLOCK];
        match self.stream.read_exact(&mut block) {
            Err(error) if error.kind() == ErrorKind::UnexpectedEof => Err(cut_off(&error)),
            read => Ok(read.map(|()| block)?),
        }
    }

    /// The content of a header that says more of the next one.
    fn extra(&mut self, size: u64) -> Result<Vec<u8>> {
        ensure!(size <= MAX_EXTRA, "a header of {size} bytes; the limit is {MAX_EXTRA}");
        let mut bytes = Vec::new();
        for _ in 0..size.div_ceil(BLOCK as u64) {
            bytes.extend(self.block()?);
        }
        bytes.truncate(size as usize);
        Ok(bytes)
    }

    /// A long name, without the NUL at its end.
    fn name(&mut self, header: &Header) -> Result<Vec<u8>> {
        let mut name = self.extra(header.entry_size()?)?;
        if name.last() == Some(&0) {
            name.pop();
        }
        Ok(name)
    }
}

/// A stream that ends where something must come: the decoder's own words, where it has some.
pub(super) fn cut_off(error: &std::io::Error) -> anyhow::Error {
    match error.get_ref() {
        Some(why) => anyhow::anyhow!("it is cut off: {why}"),
        None => anyhow::anyhow!("it is cut off: its end is missing"),
    }
}

/// Whether a block is the header of a member. Old archives have no magic.
pub(in super::super) fn is_sum_right(block: &[u8; BLOCK]) -> bool {
    let bytes = block[..148].iter().chain(&block[156..]);
    let sum = bytes.fold(8 * u32::from(b' '), |sum, byte| sum + u32::from(*byte));
    Header::from_byte_slice(block).cksum().is_ok_and(|told| told == sum)
}
