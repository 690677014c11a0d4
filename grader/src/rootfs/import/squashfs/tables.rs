//! What is listed in tables: owners, fragments, attributes.

use super::image::{Cursor, Image, METADATA};
use anyhow::{Context, Result, ensure};

/// A table that is not there, and a file without attributes or fragment.
const NOT_SET: u64 = u64::MAX;
pub(super) const NONE: u32 = u32::MAX;

/// The most attributes of a file, and the longest name and value together (xattr(7)).
const MAX_ATTRIBUTES: u32 = 1000;
const MAX_ATTRIBUTE: u32 = 1 << 16;

/// All tables.
pub(super) struct Tables {
    owners: Vec<u32>,
    fragments: Vec<(u64, u32)>,
    /// Where the attributes are, and for each set its place and how many are in it.
    attributes: Option<(u64, Vec<(u64, u32)>)>,
}

impl Tables {
    /// Reads them.
    ///
    /// # Errors
    /// They are damaged.
    pub(super) fn read(image: &Image) -> Result<Tables> {
        let head = &image.superblock;
        let owners = rows(image, head.owner_table, head.owners.into(), 4)?;
        let fragments = match head.fragments {
            0 => Vec::new(),
            count => rows(image, head.fragment_table, count, 16)?,
        };
        let attributes = match head.attribute_table {
            NOT_SET => None,
            table => {
                let (start, count) = (image.u64(table)?, image.u64(table + 8)? as u32);
                Some((start, rows(image, table + 16, count, 16)?))
            }
        };
        let low =
            |row: &[u8], at: usize| u32::from_le_bytes([row[at], row[at + 1], row[at + 2], row[at + 3]]);
        let wide = |row: &[u8]| u64::from(low(row, 0)) | u64::from(low(row, 4)) << 32;
        Ok(Tables {
            owners: owners.iter().map(|row| low(row, 0)).collect(),
            fragments: fragments.iter().map(|row| (wide(row), low(row, 8))).collect(),
            attributes: attributes
                .map(|(start, rows)| (start, rows.iter().map(|row| (wide(row), low(row, 8))).collect())),
        })
    }

    /// An owner by its number.
    ///
    /// # Errors
    /// There is none.
    pub(super) fn owner(&self, number: u16) -> Result<u32> {
        self.owners.get(usize::from(number)).copied().context("it is damaged: an owner that is in no table")
    }

    /// A fragment by its number: where its block is, and how long.
    ///
    /// # Errors
    /// There is none.
    pub(super) fn fragment(&self, number: u32) -> Result<(u64, u32)> {
        let found = self.fragments.get(number as usize).copied();
        found.context("it is damaged: a fragment that is in no table")
    }

    /// The attributes with this number: names and values.
    ///
    /// # Errors
    /// They are damaged.
    pub(super) fn attributes(&self, image: &Image, number: u32) -> Result<Vec<(Vec<u8>, Vec<u8>)>> {
        let Some((start, sets)) = self.attributes.as_ref().filter(|_| number != NONE) else {
            return Ok(Vec::new());
        };
        let (place, count) =
            sets.get(number as usize).context("it is damaged: attributes that are in no table")?;
        ensure!(*count <= MAX_ATTRIBUTES, "{count} attributes; the limit is {MAX_ATTRIBUTES}");
        let mut at = Cursor::of(*start, *place)?;
        (0..*count).map(|_| attribute(image, &mut at, *start)).collect()
    }
}

fn attribute(image: &Image, at: &mut Cursor, start: u64) -> Result<(Vec<u8>, Vec<u8>)> {
    /// The value is elsewhere: another file has the same.
    const ELSEWHERE: u16 = 0x100;
    let (kind, length) = (at.u16(image)?, at.u16(image)?);
    let prefix = match kind & 0xff {
        0 => "user.",
        1 => "trusted.",
        2 => "security.",
        // None that squashfs knows. It is named, and not taken.
        _ => "unknown.",
    };
    let name = [prefix.as_bytes(), &at.bytes(image, length.into())?].concat();
    let value = |at: &mut Cursor| -> Result<Vec<u8>> {
        let length = at.u32(image)?;
        ensure!(length <= MAX_ATTRIBUTE, "an attribute of {length} bytes; the limit is {MAX_ATTRIBUTE}");
        at.bytes(image, length as usize)
    };
    let value = match kind & ELSEWHERE {
        0 => value(at)?,
        _ => {
            let _length = at.u32(image)?;
            let place = at.u64(image)?;
            value(&mut Cursor::of(start, place)?)?
        }
    };
    Ok((name, value))
}

/// The rows of a table, whose blocks of metadata are listed from `table` on.
fn rows(image: &Image, table: u64, count: u32, size: usize) -> Result<Vec<Vec<u8>>> {
    let mut rows = Vec::new();
    let in_block = METADATA / size;
    for block in 0..(count as usize).div_ceil(in_block) {
        let place = table.checked_add(8 * block as u64).context("it is damaged: a table behind its end")?;
        let mut at = Cursor { block: image.u64(place)?, offset: 0 };
        for _ in 0..in_block.min(count as usize - rows.len()) {
            rows.push(at.bytes(image, size)?);
        }
    }
    Ok(rows)
}
