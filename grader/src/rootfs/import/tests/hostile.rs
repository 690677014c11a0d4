//! Archives that mean harm.

use super::archive::{Archive, header};
use super::{imported, refused};
use crate::rootfs::Limits;
use flate2::Compression;
use flate2::write::GzEncoder;
use rstest::rstest;
use std::io::{self, Write};
use tar::EntryType;

#[rstest]
#[case::up(Archive::empty().file("../../outside/new", b"x"), "leads out of the archive")]
#[case::up_inside(Archive::empty().file("a/../../../outside/new", b"x"), "leads out of the archive")]
#[case::through_a_link(
    Archive::empty().link(EntryType::Symlink, "a", "../../outside").file("a/new", b"x"),
    "goes through a link"
)]
#[case::through_an_absolute_link(
    Archive::empty().link(EntryType::Symlink, "a", "/tmp").file("a/new", b"x"),
    "goes through a link"
)]
#[case::a_directory_through_a_link(
    Archive::empty().link(EntryType::Symlink, "a", "../../outside").directory("a/new/"),
    "goes through a link"
)]
#[case::a_hard_link_up(Archive::empty().link(EntryType::Link, "a", "../../outside/secret"), "leads out")]
#[case::a_hard_link_to_nothing(Archive::empty().link(EntryType::Link, "a", "/etc/passwd"), "No such file")]
#[case::a_hard_link_through_a_link(
    Archive::empty().link(EntryType::Symlink, "a", "../../outside").link(EntryType::Link, "b", "a/secret"),
    "goes through a link"
)]
#[case::a_hard_link_to_a_directory(
    Archive::empty().directory("d/").link(EntryType::Link, "a", "d"),
    "a hard link to a directory"
)]
#[case::a_hard_link_to_itself(
    Archive::empty().file("a", b"x").link(EntryType::Link, "a", "a"),
    "a hard link to itself"
)]
#[case::a_directory_replaced_by_a_link(
    Archive::rootfs().link(EntryType::Symlink, "etc", "../../outside").file("etc/new", b"x"),
    "goes through a link"
)]
#[case::a_full_directory_replaced_by_a_link(
    Archive::rootfs().link(EntryType::Symlink, "bin", "../../outside"),
    "a directory that holds something"
)]
#[case::through_a_file(Archive::empty().file("a", b"x").file("a/b", b"x"), "goes through a file")]
#[case::a_top_that_is_a_link(Archive::empty().link(EntryType::Symlink, "./", "/"), "the top of the archive")]
#[case::a_name_of_256(Archive::empty().records(&[("path", &[b'n'; 256])]).file("x", b""), "the limit is 255")]
#[case::a_path_of_5000(Archive::empty().records(&[("path", &b"ab/".repeat(1700))]).file("x", b""), "the limit is 4095")]
#[case::depth(Archive::empty().records(&[("path", &b"d/".repeat(101))]).directory("x"), "101 directories deep; the limit is 100")]
#[case::a_nul(Archive::empty().records(&[("path", b"a\0b")]).file("x", b""), "NUL")]
#[case::a_negative_size(Archive::empty().records(&[("size", b"-1")]).file("x", b"x"), "its size")]
#[case::a_huge_size(Archive::empty().records(&[("size", b"18446744073709551615")]).file("x", b"x"), "beyond all numbers")]
#[case::a_larger_size(Archive::empty().records(&[("size", b"99999999999")]).file("x", b"x"), "--max-size")]
#[case::a_longer_size(Archive::empty().records(&[("size", b"100000")]).file("x", b"x"), "cut off")]
#[case::an_owner_of_64_bits(Archive::empty().records(&[("uid", b"4294967296")]).file("x", b"x"), "32 bits")]
#[case::parts_that_overlap(
    Archive::empty().records(&[("GNU.sparse.map", b"0,2,1,2"), ("GNU.sparse.size", b"9")]).file("x", b"abcd"),
    "overlap"
)]
#[case::parts_without_end(
    Archive::empty().records(&[("GNU.sparse.map", b"18446744073709551615,2"), ("GNU.sparse.size", b"9")]).file("x", b"ab"),
    "beyond all numbers"
)]
#[case::parts_behind_the_end(
    Archive::empty().records(&[("GNU.sparse.map", b"8,2"), ("GNU.sparse.size", b"9")]).file("x", b"ab"),
    "behind its end"
)]
#[case::a_hole_of_a_terabyte(
    Archive::empty().records(&[("GNU.sparse.map", b"0,1"), ("GNU.sparse.size", b"1099511627776")]).file("x", b"a"),
    "more than 4 GiB"
)]
#[case::a_million_parts(
    Archive::empty().records(&[("GNU.sparse.major", b"1"), ("GNU.sparse.realsize", b"9")]).file("x", &[&b"1000000\n"[..], &[0; 504]].concat()),
    "more than 100000 parts"
)]
#[case::a_kind_that_is_none(Archive::empty().member(header(EntryType::new(b'Z'), b"x", 0), b""), "kind that is not known: 'Z'")]
#[case::a_long_header(
    Archive::empty().member(header(EntryType::GNULongName, b"x", 2 << 20), b""),
    "a header of 2097152 bytes; the limit is 1048576"
)]
#[case::layers(Archive::empty().file("manifest.json", b"[]").directory("blobs/"), "docker export")]
#[case::half_of_an_image(Archive::empty().file("metadata.yaml", b"").directory("templates/"), "rootfs.squashfs")]
#[case::no_shell(Archive::empty().directory("bin/").directory("etc/"), "no shell")]
#[case::two_systems(Archive::below("one/").directory("two/bin/").directory("two/etc/"), "2 systems")]
#[case::nothing(Archive::empty(), "none of tar")]
fn is_refused_and_nothing_is_left(#[case] archive: Archive, #[case] why: &str) {
    refused(&archive.bytes(), why);
}

#[test]
fn a_bomb_ends_at_the_limit() {
    let mut bomb = GzEncoder::new(Vec::new(), Compression::best());
    let mut large = header(EntryType::Regular, b"large", 1 << 30);
    large.set_cksum();
    bomb.write_all(large.as_bytes()).unwrap();
    io::copy(&mut io::Read::take(io::repeat(0), 4 << 20), &mut bomb).unwrap();
    let bytes = bomb.finish().unwrap();
    let error = imported(&bytes, &Limits { bytes: 1 << 20, ..Limits::default() }).error();
    assert!(error.contains("more than 1 MiB") && error.contains("--max-size"), "{error}");

    let mut many = Archive::rootfs();
    for number in 0..20 {
        many = many.file(&number.to_string(), &[b'x'; 600]);
    }
    let many = many.bytes();
    let error = imported(&many, &Limits { bytes: 5000, ..Limits::default() }).error();
    assert!(error.contains("more than 4.8 KiB"), "{error}");
    let error = imported(&many, &Limits { entries: 10, ..Limits::default() }).error();
    assert!(error.contains("more than 10 files"), "{error}");
}

#[test]
fn a_stream_that_never_ends_is_refused() {
    let mut stream = GzEncoder::new(Vec::new(), Compression::fast());
    stream.write_all(&Archive::rootfs().bytes()).unwrap();
    io::copy(&mut io::Read::take(io::repeat(0), 64 << 20), &mut stream).unwrap();
    refused(&stream.finish().unwrap(), "data after its end");
    let twice = [Archive::rootfs().bytes(), Archive::rootfs().bytes()].concat();
    refused(&twice, "data after its end");
}
