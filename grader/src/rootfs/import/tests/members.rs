//! What members become.

use super::archive::{Archive, header};
use super::{is_root, text, whole};
use crate::rootfs::MachineId;
use std::ffi::OsStr;
use std::fs;
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::{FileTypeExt, MetadataExt, PermissionsExt};
use std::path::Path;
use tar::EntryType;

#[test]
fn modes_times_links_and_pipes_are_those_of_the_archive() {
    let mut closed = header(EntryType::Directory, b"closed/", 0);
    closed.set_mode(0o550);
    let mut program = header(EntryType::Regular, b"closed/program", 0);
    program.set_mode(0o6711);
    let archive = Archive::rootfs()
        .member(closed, b"")
        .member(program, b"x")
        .file("file", b"content")
        .link(EntryType::Link, "same", "file")
        .link(EntryType::Symlink, "link", "/etc/../file")
        .link(EntryType::Link, "link-too", "link")
        .member(header(EntryType::Fifo, b"pipe", 0), b"")
        .bytes();
    let (place, made) = whole(&archive);
    let at = |name: &str| fs::symlink_metadata(place.root().join(name)).unwrap();
    assert_eq!(at("closed").permissions().mode() & 0o7777, 0o550);
    assert_eq!(
        (at("closed").mtime(), at("file").mtime(), at("link").mtime()),
        (1_700_000_000, 1_700_000_000, 1_700_000_000)
    );
    assert_eq!(at("same").ino(), at("file").ino());
    assert_eq!(at("link-too").ino(), at("link").ino());
    assert_eq!(fs::read_link(place.root().join("link")).unwrap(), Path::new("/etc/../file"));
    assert!(at("pipe").file_type().is_fifo());
    // Whoever is not root gets nobody else's rights.
    let (mode, lost) = if is_root() { (0o6711, 0) } else { (0o711, 1) };
    assert_eq!((at("closed/program").permissions().mode() & 0o7777, made.lost.set_ids), (mode, lost));
    assert_eq!(made.machine_id, MachineId::Made);
    assert_eq!(text(&place.root().join("etc/machine-id")).len(), 33);
    fs::set_permissions(place.root().join("closed"), fs::Permissions::from_mode(0o755)).unwrap();
}

#[test]
fn owners_devices_and_capabilities_are_right_as_root_and_counted_without() {
    let capability = [1, 0, 0, 2, 0, 0x20, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0];
    let mut owned = header(EntryType::Regular, b"owned", 0);
    owned.set_uid(1234);
    owned.set_gid(1235);
    let mut node = header(EntryType::Char, b"null", 0);
    node.set_device_major(1).unwrap();
    node.set_device_minor(3).unwrap();
    let archive = Archive::rootfs()
        .records(&[("SCHILY.xattr.security.capability", &capability), ("uid", b"4000000000")])
        .member(owned, b"x")
        .member(node, b"")
        .link(EntryType::Link, "null-too", "null")
        .records(&[
            ("SCHILY.xattr.trusted.overlay.opaque", b"y"),
            ("SCHILY.xattr.user.overlay.redirect", b"/etc"),
        ])
        .directory("layer/")
        .bytes();
    let (place, made) = whole(&archive);
    let at = |name: &str| fs::symlink_metadata(place.root().join(name));
    let attributes: usize = made.lost.attributes.values().sum();
    assert_eq!(attributes, 2, "{:?}", made.lost);
    if is_root() {
        let owned = at("owned").unwrap();
        assert_eq!((owned.uid(), owned.gid()), (4_000_000_000, 1235));
        assert_eq!(at("null-too").unwrap().rdev(), nix::sys::stat::makedev(1, 3));
        assert_eq!((made.lost.capabilities, made.lost.nodes, made.lost.owners), (0, 0, 0));
        assert_eq!((made.lost.kept.capabilities, made.lost.kept.nodes), (1, 1));
    } else {
        assert!(at("null").is_err() && at("null-too").is_err());
        assert_eq!((made.lost.capabilities, made.lost.nodes), (1, 1));
        assert!(made.lost.owners >= 4);
        assert!(made.lost.lines().iter().any(|line| line == "1 device node: only root can make one"));
    }
}

#[test]
fn names_may_be_any_bytes_and_long() {
    let long = format!("{}/{}", "d".repeat(200), "f".repeat(255));
    let odd: &[u8] = b"odd\xff\n\x1b[31m";
    let archive = Archive::rootfs()
        .records(&[("path", odd), ("linkpath", b"to\n\xfe")])
        .member(header(EntryType::Symlink, b"x", 0), b"")
        .member(header(EntryType::GNULongName, b"././@LongLink", 0), format!("{long}\0").as_bytes())
        .file("x", b"long")
        .directory("./")
        .file("/absolute", b"stays inside")
        .bytes();
    let (place, _) = whole(&archive);
    let odd = place.root().join(OsStr::from_bytes(odd));
    assert_eq!(fs::read_link(odd).unwrap().as_os_str().as_bytes(), b"to\n\xfe");
    assert_eq!(text(&place.root().join(long)), "long");
    assert_eq!(text(&place.root().join("absolute")), "stays inside");
}

#[test]
fn the_last_of_several_with_one_name_counts() {
    let archive = Archive::rootfs()
        .file("twice", b"first, and longer")
        .file("twice", b"second")
        .link(EntryType::Symlink, "was-link", "/etc")
        .directory("was-link/")
        .file("was-link/file", b"in the directory")
        .directory("was-directory/")
        .file("was-directory", b"a file")
        .directory("etc/")
        .bytes();
    let (place, _) = whole(&archive);
    assert_eq!(text(&place.root().join("twice")), "second");
    assert_eq!(text(&place.root().join("was-link/file")), "in the directory");
    assert_eq!(text(&place.root().join("was-directory")), "a file");
}

#[test]
fn files_with_holes_in_all_four_forms() {
    let mut old = header(EntryType::GNUSparse, b"old", 3);
    old.as_gnu_mut().unwrap().realsize[..11].copy_from_slice(b"00000200003");
    let part = &mut old.as_gnu_mut().unwrap().sparse[0];
    part.offset[..11].copy_from_slice(b"00000200000");
    part.numbytes[..11].copy_from_slice(b"00000000003");
    let map = |text: &str| {
        let mut bytes = text.as_bytes().to_vec();
        bytes.resize(512, 0);
        bytes.extend(b"end");
        bytes
    };
    let named = |number: &'static str, size: &'static str| -> Vec<(&'static str, &'static [u8])> {
        vec![("GNU.sparse.major", number.as_bytes()), ("GNU.sparse.minor", b"0"), (size, b"65539")]
    };
    let [mut one, mut zero_one, mut zero] =
        [named("1", "GNU.sparse.realsize"), named("0", "GNU.sparse.size"), named("0", "GNU.sparse.size")];
    one.push(("GNU.sparse.name", b"one"));
    zero_one.extend([("GNU.sparse.map", &b"65536,3"[..]), ("GNU.sparse.name", b"zero-one")]);
    zero.extend([
        ("GNU.sparse.numblocks", &b"1"[..]),
        ("GNU.sparse.offset", b"65536"),
        ("GNU.sparse.numbytes", b"3"),
    ]);
    let archive = Archive::rootfs()
        .member(old, b"end")
        .records(&one)
        .file("x", &map("1\n65536\n3\n"))
        .records(&zero_one)
        .file("x", b"end")
        .records(&zero)
        .file("zero", b"end")
        .file("after", b"after")
        .bytes();
    let (place, _) = whole(&archive);
    for name in ["old", "one", "zero-one", "zero"] {
        let bytes = fs::read(place.root().join(name)).unwrap();
        assert_eq!((bytes.len(), &bytes[65536..]), (65539, &b"end"[..]), "{name}");
        assert!(bytes[..65536].iter().all(|byte| *byte == 0), "{name}");
        assert!(
            fs::metadata(place.root().join(name)).unwrap().blocks() < 64,
            "{name}: its hole takes blocks"
        );
    }
    assert_eq!(text(&place.root().join("after")), "after");
}

#[test]
fn ten_thousand_files_and_a_directory_in_it() {
    let mut archive = Archive::below("rootfs/").file("metadata.yaml", b"architecture: x86_64\n");
    for number in 0..10_000 {
        archive = archive.file(&format!("rootfs/srv/{number}"), b"");
    }
    let (place, made) = whole(&archive.bytes());
    assert_eq!(fs::read_dir(place.root().join("srv")).unwrap().count(), 10_000);
    assert!(!place.root().join("metadata.yaml").exists());
    assert_eq!((made.inner.as_path(), made.entries), (Path::new("rootfs"), 10_004));
    // A directory that only its files tell of.
    assert_eq!(fs::metadata(place.root().join("srv")).unwrap().permissions().mode() & 0o777, 0o755);
}
