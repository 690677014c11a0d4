//! Reads tar(5) archives: a stream of members, each a header and its content.
//!
//! # Layout
//! - `members`: the headers of one member: its own, and those before it that say more
//! - `records`: PAX records
//! - `sparse`: files with holes, and the content of a member
//!
//! The fields of a header are read by the crate. Its iterator is not used: it keeps whatever the archive calls a long
//! name in memory, and takes a PAX record with a newline (in a name, in a capability) for a damaged one.

mod members;
mod records;
mod sparse;

use super::item::{Item, Kind, path, shown};
use super::limits::Limits;
use super::tree::Tree;
use ::tar::EntryType;
use anyhow::{Context, Result, bail, ensure};
pub(super) use members::is_sum_right;
use members::{Member, Members};
use nix::libc;
use nix::sys::stat::{SFlag, makedev};
use sparse::Content;
use std::ffi::OsStr;
use std::io::Read;
use std::os::unix::ffi::OsStrExt;
use std::path::PathBuf;

/// Unpacks a stream.
///
/// # Errors
/// It is damaged or ends too soon, a member is refused, or the limits are reached.
pub(super) fn unpack(stream: impl Read, tree: &mut Tree, limits: &Limits) -> Result<()> {
    let mut members = Members::new(stream);
    while let Some(mut member) = members.next().context("reading the header of a member")? {
        let placed = put(&mut member, &mut members, tree, limits);
        placed.with_context(|| shown(&member.path))?;
    }
    end(members.into_stream(), tree)
}

fn put<R: Read>(
    member: &mut Member,
    members: &mut Members<R>,
    tree: &mut Tree,
    limits: &Limits,
) -> Result<()> {
    if let Some((size, map)) = sparse::map(member, members).context("a file with holes")? {
        (member.size, member.map) = (size, Some(map));
    }
    let item = item(member, limits)?;
    let mut content = Content::new(members.stream(), member)?;
    tree.put(&item, &mut content)?;
    content.end()
}

/// Reads what is behind the end: zeros, and the checksum of the compressed file.
fn end(mut stream: impl Read, tree: &Tree) -> Result<()> {
    const MAX_FILL: u64 = 16 << 20;
    let (mut buffer, mut behind) = ([0; 1 << 15], 0);
    loop {
        tree.check_signals()?;
        let read = stream.read(&mut buffer).context("reading its end")?;
        if read == 0 {
            return Ok(());
        }
        behind += read as u64;
        let is_fill = buffer[..read].iter().all(|byte| *byte == 0) && behind <= MAX_FILL;
        ensure!(is_fill, "there is data after its end");
    }
}

fn item(member: &Member, limits: &Limits) -> Result<Item> {
    let (header, records) = (&member.header, &member.records);
    let id = |key: &str, field: std::io::Result<u64>| -> Result<u32> {
        let number = records.number(key)?.map_or(field, Ok)?;
        u32::try_from(number).ok().with_context(|| format!("an owner that is no number of 32 bits: {number}"))
    };
    let changed = match records.get("mtime") {
        Some(time) => records::time(time).context("a time that is none")?,
        None => (i64::try_from(header.mtime()?).unwrap_or(0), 0),
    };
    Ok(Item {
        path: path(&member.path, limits.depth)?,
        kind: kind(member, limits)?,
        mode: header.mode()? & 0o7777,
        uid: id("uid", header.uid())?,
        gid: id("gid", header.gid())?,
        changed,
        attributes: records.attributes(),
    })
}

fn kind(member: &Member, limits: &Limits) -> Result<Kind> {
    Ok(match member.header.entry_type() {
        // Before POSIX a directory was a file whose name ends in a slash.
        EntryType::Regular if member.path.ends_with(b"/") => Kind::Directory,
        EntryType::Regular | EntryType::Continuous | EntryType::GNUSparse => Kind::File(member.size),
        EntryType::Directory => Kind::Directory,
        EntryType::Symlink => {
            ensure!(!member.link.is_empty() && !member.link.contains(&0), "a link whose target is no path");
            Kind::Link(PathBuf::from(OsStr::from_bytes(&member.link)))
        }
        EntryType::Link => Kind::Same(path(&member.link, limits.depth).context("a hard link")?),
        EntryType::Char => Kind::Node(SFlag::S_IFCHR, device(member)?),
        EntryType::Block => Kind::Node(SFlag::S_IFBLK, device(member)?),
        EntryType::Fifo => Kind::Pipe,
        other => bail!("a member of a kind that is not known: '{}'", other.as_byte().escape_ascii()),
    })
}

fn device(member: &Member) -> Result<libc::dev_t> {
    let number = |field: std::io::Result<Option<u32>>| field?.context("a device without a number");
    let (major, minor) = (number(member.header.device_major())?, number(member.header.device_minor())?);
    Ok(makedev(major.into(), minor.into()))
}
