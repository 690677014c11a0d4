//! Archives that are cut off anywhere, or have one bit that is another: they are refused and leave nothing, or they
//! are imported whole. Nothing panics.

use super::archive::{Archive, header};
use super::formats::{compress, squashfs};
use super::{Place, imported};
use crate::rootfs::Limits;
use crate::rootfs::import::format::Format;
use tar::EntryType;

/// A small one with a member of each kind.
fn archive() -> Archive {
    Archive::rootfs()
        .records(&[
            ("path", b"a\nb"),
            ("mtime", b"1.5"),
            ("GNU.sparse.map", b"4096,1"),
            ("GNU.sparse.size", b"5000"),
        ])
        .file("x", b"y")
        .member(header(EntryType::GNULongName, b"././@LongLink", 0), b"a/long/name\0")
        .file("x", b"z")
        .link(EntryType::Symlink, "s", "bin")
        .link(EntryType::Link, "h", "bin/sh")
}

fn is_whole_or_nothing(place: &Place) {
    match &place.result {
        Ok(_) => place.nothing_outside(),
        Err(_) => drop(place.error()),
    }
}

/// So many places are tried, spread over the whole.
fn places(length: usize) -> impl Iterator<Item = usize> {
    (0..length).step_by(length.div_ceil(120).max(1))
}

#[test]
fn what_is_cut_off_is_refused_at_every_block() {
    let bytes = archive().bytes();
    // The second block of zeros may be missing.
    for end in (0..bytes.len() - 512).step_by(512).chain(places(bytes.len() - 1024)) {
        let error = imported(&bytes[..end], &Limits::default()).error();
        let known = ["cut off", "it is empty", "it is none of", "is missing"];
        assert!(known.iter().any(|it| error.contains(it)), "{end}: {error}");
    }
}

#[test]
fn what_is_compressed_and_cut_off_is_refused() {
    for format in [Format::Gzip, Format::Xz, Format::Zstd] {
        let Some(bytes) = compress(format, &archive().bytes()) else { continue };
        for end in places(bytes.len() - 1).take(120) {
            let place = imported(&bytes[..end], &Limits::default());
            assert!(place.result.is_err(), "{format}: {end} of {} bytes are enough", bytes.len());
            place.error();
        }
    }
}

#[test]
fn a_bit_that_is_another_is_refused_or_does_no_harm() {
    let bytes = archive().bytes();
    for at in places(bytes.len()) {
        let mut bytes = bytes.clone();
        bytes[at] ^= 1 << (at % 8);
        is_whole_or_nothing(&imported(&bytes, &Limits::default()));
    }
}

#[test]
fn a_bit_of_a_file_system_that_is_another_is_refused_or_does_no_harm() {
    // A lie of a few bytes may ask for all that is allowed.
    let limits = Limits { bytes: 4 << 20, entries: 200, depth: 20 };
    for (name, bytes) in squashfs().into_iter().filter(|(name, _)| *name != "xz") {
        // The superblock and the tables at the end, bit by bit; the rest here and there.
        let tables = (0..96).chain(bytes.len() - 300..bytes.len()).filter(|_| name == "gzip");
        for at in tables.chain(places(bytes.len())) {
            let mut bytes = bytes.to_vec();
            bytes[at] ^= 1 << (at % 8);
            is_whole_or_nothing(&imported(&bytes, &limits));
        }
        for end in places(bytes.len()) {
            imported(&bytes[..end], &limits).error();
        }
    }
}
