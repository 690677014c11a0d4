//! The formats, which are known by their content.

use super::archive::Archive;
use super::{imported, refused, text, whole};
use crate::beneath::Directory;
use crate::rootfs::import::format::Format;
use crate::rootfs::import::lost::Lost;
use crate::rootfs::import::tree::Tree;
use crate::rootfs::import::{Limits, Watch, squashfs};
use rstest::rstest;
use std::fs::{self, File};
use std::io::Write;
use std::os::unix::fs::{FileTypeExt, MetadataExt, PermissionsExt};
use std::path::Path;
use std::process::{Command, Stdio};

/// Compresses by the machine's own programs, so that it is not one crate alone that understands itself. None where the
/// program is missing.
pub(super) fn compress(format: Format, bytes: &[u8]) -> Option<Vec<u8>> {
    let words: &[&str] = match format {
        Format::Gzip => &["gzip"],
        Format::Xz => &["xz", "-9"],
        Format::Zstd => &["zstd", "-q", "-19"],
        Format::Tar | Format::Squashfs => return Some(bytes.to_vec()),
    };
    let mut command = Command::new(words[0]);
    command.args(&words[1..]).arg("-c").stdin(Stdio::piped()).stdout(Stdio::piped());
    let Ok(mut child) = command.spawn() else {
        let _ = writeln!(std::io::stderr(), "skipped: there is no {} on this machine", words[0]);
        return None;
    };
    let mut input = child.stdin.take().unwrap();
    let bytes = bytes.to_vec();
    let writer = std::thread::spawn(move || input.write_all(&bytes).unwrap());
    let output = child.wait_with_output().unwrap();
    writer.join().unwrap();
    assert!(output.status.success());
    Some(output.stdout)
}

/// The file systems beside the tests, which one tree has been packed into.
pub(super) fn squashfs() -> [(&'static str, &'static [u8]); 3] {
    [
        ("gzip", include_bytes!("../../../../tests/fixtures/squashfs/gzip.squashfs")),
        ("xz", include_bytes!("../../../../tests/fixtures/squashfs/xz.squashfs")),
        ("zstd", include_bytes!("../../../../tests/fixtures/squashfs/zstd.squashfs")),
    ]
}

#[rstest]
fn a_tar_archive_compressed_by(
    #[values(Format::Tar, Format::Gzip, Format::Xz, Format::Zstd)] format: Format,
) {
    let noise: Vec<u8> =
        (0_u64..40_000).map(|at| (at.wrapping_mul(0x9e37_79b9_7f4a_7c15) >> 33) as u8).collect();
    let Some(bytes) = compress(format, &Archive::rootfs().file("file", &noise).bytes()) else { return };
    let (place, made) = whole(&bytes);
    assert_eq!(made.format, format);
    assert!(fs::read(place.root().join("file")).unwrap() == noise);
}

#[rstest]
fn a_file_in_several_pieces(#[values(Format::Gzip, Format::Xz, Format::Zstd)] format: Format) {
    let archive = Archive::rootfs().file("file", b"content").bytes();
    let (one, other) = archive.split_at(700);
    let (Some(one), Some(other)) = (compress(format, one), compress(format, other)) else { return };
    let (place, _) = whole(&[one, other].concat());
    assert_eq!(text(&place.root().join("file")), "content");
}

#[rstest]
fn a_checksum_that_is_wrong(#[values(Format::Gzip, Format::Xz, Format::Zstd)] format: Format) {
    let Some(mut bytes) = compress(format, &Archive::rootfs().bytes()) else { return };
    let at = match format {
        // CRC32 and the length; the xxhash of a frame; in the index of xz.
        Format::Gzip => bytes.len() - 8,
        Format::Zstd => bytes.len() - 1,
        _ => bytes.len() - 16,
    };
    bytes[at] ^= 1;
    assert!(imported(&bytes, &Limits::default()).error().starts_with("cannot import"));
}

#[test]
fn what_is_no_archive_is_named() {
    refused(b"", "it is empty");
    refused(b"PK\x03\x04", "zip");
    refused(b"QFI\xfb", "qcow2");
    refused(b"#!/bin/sh\n", "none of tar");
    refused(&[0; 4096], "none of tar");
}

/// Unpacks a file system of the fixtures, which is no root.
fn unpacked(bytes: &[u8], limits: Limits) -> (tempfile::TempDir, anyhow::Result<Lost>) {
    let temporary = tempfile::tempdir().unwrap();
    fs::write(temporary.path().join("file"), bytes).unwrap();
    fs::create_dir(temporary.path().join("tree")).unwrap();
    let show = |_| {};
    let watch = Watch::new(&show).unwrap();
    let file = File::open(temporary.path().join("file")).unwrap();
    let mut tree = Tree::new(Directory::open(&temporary.path().join("tree")).unwrap(), limits, &watch);
    let done = squashfs::unpack(&file, &mut tree, &limits, &watch);
    let lost = done.and_then(|()| tree.finish()).map(|unpacked| unpacked.lost);
    (temporary, lost)
}

#[test]
fn a_file_system_has_all_that_was_packed_into_it() {
    for (name, bytes) in squashfs() {
        let (temporary, lost) = unpacked(bytes, Limits::default());
        let lost = lost.unwrap_or_else(|error| panic!("{name}: {error:#}"));
        let tree = temporary.path().join("tree");
        let at = |name: &str| fs::symlink_metadata(tree.join(name)).unwrap();
        assert_eq!(text(&tree.join("dir/file")), "hello\n", "{name}");
        assert_eq!(at("dir/same").ino(), at("dir/file").ino());
        assert_eq!(at("dir/file").permissions().mode() & 0o7777, 0o640);
        assert_eq!(at("dir/file").mtime(), 1_700_000_000);
        assert_eq!(fs::read_link(tree.join("link")).unwrap(), Path::new("dir/file"));
        assert!(at("pipe").file_type().is_fifo());
        let lines: String = (0..2000).map(|number| format!("{number:05}\n")).collect();
        assert_eq!(text(&tree.join("blocks")), lines);
        let holes = fs::read(tree.join("holes")).unwrap();
        assert_eq!((holes.len(), &holes[300_000..]), (300_003, &b"end"[..]));
        assert_eq!(at("empty").len(), 0);
        let many = fs::read_dir(tree.join("many")).map_or(0, Iterator::count);
        assert_eq!(many, if name == "xz" { 300 } else { 0 });
        if super::is_root() {
            assert_eq!(
                (at("dir").uid(), at("dir").gid(), at("dir").permissions().mode() & 0o7777),
                (1000, 1001, 0o750)
            );
            assert_eq!(at("node").rdev(), nix::sys::stat::makedev(1, 3));
            assert_eq!(at("blocks").permissions().mode() & 0o7777, 0o4755);
            assert_eq!(lost.kept.capabilities, 1, "{name}");
        } else {
            assert_eq!((lost.nodes, lost.capabilities, lost.set_ids), (1, 1, 1));
        }
    }
}

#[test]
fn a_file_system_that_is_cut_off_says_so() {
    let (_, bytes) = squashfs()[0];
    let (_temporary, lost) = unpacked(&bytes[..bytes.len() - 1], Limits::default());
    let error = format!("{:#}", lost.unwrap_err());
    assert!(error.contains("cut off") && error.contains(&format!("of {} bytes", bytes.len())), "{error}");
    let (_temporary, lost) = unpacked(bytes, Limits { entries: 5, ..Limits::default() });
    assert!(format!("{:#}", lost.unwrap_err()).contains("more than 5 files"));
}
