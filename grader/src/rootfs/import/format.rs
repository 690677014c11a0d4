//! What a file is, by its first bytes and never by its name; and the stream that is in it.

use super::limits::MAX_WINDOW;
use super::zstd::ZstdReader;
use anyhow::{Result, bail};
use flate2::read::MultiGzDecoder;
use lzma_rust2::XzReader;
use std::fmt;
use std::io::Read;

/// Enough of a file to know it: tar(5) has its magic at byte 257.
pub(super) const HEAD: usize = 512;

/// What a file is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Format {
    /// tar(5), without compression.
    Tar,
    /// The same, compressed by gzip(1).
    Gzip,
    /// By xz(1).
    Xz,
    /// By zstd(1).
    Zstd,
    /// A SquashFS file system.
    Squashfs,
}

impl Format {
    /// The format of a file that begins with these bytes.
    ///
    /// # Errors
    /// None that is known; the message says what it is, where that can be told.
    pub(super) fn of(head: &[u8]) -> Result<Format> {
        let begins = |magic: &[u8]| head.starts_with(magic);
        Ok(match head {
            _ if begins(b"hsqs") => Format::Squashfs,
            _ if begins(&[0x1f, 0x8b]) => Format::Gzip,
            _ if begins(b"\xfd7zXZ\0") => Format::Xz,
            // RFC 8878: a frame, or one to skip, which pzstd(1) writes first.
            _ if begins(&[0x28, 0xb5, 0x2f, 0xfd]) => Format::Zstd,
            [0x50..=0x5f, 0x2a, 0x4d, 0x18, ..] => Format::Zstd,
            _ if <&[u8; HEAD]>::try_from(head).is_ok_and(super::tar::is_sum_right) => Format::Tar,
            [] => bail!("it is empty"),
            _ if begins(b"PK\x03\x04") => bail!("it is a zip archive, which has no owners and no links"),
            _ if begins(b"QFI\xfb") => bail!("it is the disk of a virtual machine (qcow2)"),
            _ if begins(b"!<arch>") => bail!("it is a Debian package, which is only a part of a system"),
            _ if begins(&[0xed, 0xab, 0xee, 0xdb]) => {
                bail!("it is an RPM package, which is only a part of a system")
            }
            _ => bail!("it is none of tar (as it is, or compressed by gzip, xz or zstd) and squashfs"),
        })
    }

    /// The tar archive in a compressed file.
    pub(super) fn stream<'a>(self, file: impl Read + 'a) -> Box<dyn Read + 'a> {
        match self {
            Format::Gzip => Box::new(MultiGzDecoder::new(file)),
            Format::Xz => Box::new(XzReader::new_mem_limit(file, true, (MAX_WINDOW >> 10) as u32)),
            Format::Zstd => Box::new(ZstdReader::new(file)),
            Format::Tar | Format::Squashfs => Box::new(file),
        }
    }
}

impl fmt::Display for Format {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Format::Tar => "tar",
            Format::Gzip => "tar, gzip",
            Format::Xz => "tar, xz",
            Format::Zstd => "tar, zstd",
            Format::Squashfs => "squashfs",
        })
    }
}
