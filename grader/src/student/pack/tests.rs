use super::archive::write;
use super::check::{Checked, check};
use super::*;
use flate2::Compression;
use flate2::write::GzEncoder;
use rstest::rstest;
use std::io::Write;
use tar::{Builder, EntryType, Header};

fn files() -> Vec<File> {
    let file = |name: &str, text: &str| File { name: name.into(), bytes: text.as_bytes().to_vec() };
    vec![file("Cargo.toml", "[workspace]\n"), file("lab0-chroot/src/main.rs", "fn main() {}\n")]
}

fn checked(bytes: &[u8]) -> Checked {
    check(&mut &*bytes).unwrap()
}

#[test]
fn what_is_written_is_read_back() {
    let checked = checked(&write(&files()).unwrap());
    assert_eq!(checked.wrong, Vec::<String>::new());
    assert_eq!(checked.rows, files().iter().map(ManifestRow::of).collect::<Vec<_>>());
    // printf 'fn main() {}\n' | sha256sum
    let sum = "536e506bb90914c243a12b397b9a998f85ae2cbd9ba02dfd03a9e155ca5ca0f4";
    assert_eq!(checked.rows[1].sha256, sum);
}

#[test]
fn the_bytes_are_the_same_each_time() {
    assert_eq!(write(&files()).unwrap(), write(&files()).unwrap());
}

/// An archive of these members: a name, a kind, the content.
fn archive(members: &[(&str, EntryType, &[u8])]) -> Vec<u8> {
    let mut tar = Builder::new(GzEncoder::new(Vec::new(), Compression::fast()));
    for (name, kind, bytes) in members {
        let mut header = Header::new_ustar();
        // `set_path` would refuse what an enemy writes.
        header.as_old_mut().name[..name.len()].copy_from_slice(name.as_bytes());
        header.set_entry_type(*kind);
        header.set_size(bytes.len() as u64);
        header.set_mode(0o644);
        header.set_cksum();
        tar.append(&header, *bytes).unwrap();
    }
    tar.into_inner().unwrap().finish().unwrap()
}

/// An archive with a right list of [`files`], and these members behind it.
fn with(members: &[(&str, EntryType, &[u8])]) -> Vec<u8> {
    let list = Manifest::of(&files()).text().unwrap();
    let mut all = vec![("container-labs/manifest.json", EntryType::Regular, list.as_slice())];
    all.extend_from_slice(members);
    archive(&all)
}

const PLAIN: EntryType = EntryType::Regular;
const MANIFEST_OF_LAB0: (&str, EntryType, &[u8]) = ("container-labs/Cargo.toml", PLAIN, b"[workspace]\n");
const MAIN_OF_LAB0: (&str, EntryType, &[u8]) =
    ("container-labs/lab0-chroot/src/main.rs", PLAIN, b"fn main() {}\n");

#[test]
fn an_archive_made_by_hand_is_right_as_well() {
    assert_eq!(checked(&with(&[MANIFEST_OF_LAB0, MAIN_OF_LAB0])).wrong, Vec::<String>::new());
}

#[rstest]
#[case::upwards("container-labs/../passwd", PLAIN, "leads out of the archive")]
#[case::from_the_root("/etc/passwd", PLAIN, "leads out of the archive")]
#[case::another_place("elsewhere/file", PLAIN, "is not in container-labs/")]
#[case::beside("container-labs-too/file", PLAIN, "is not in container-labs/")]
#[case::a_second_name("container-labs/./Cargo.toml", PLAIN, "is not in container-labs/")]
#[case::escapes("container-labs/\x1b[2J", PLAIN, "leads out of the archive")]
#[case::direction("container-labs/\u{202e}sr.bil", PLAIN, "leads out of the archive")]
#[case::symlink("container-labs/link", EntryType::Symlink, "not a regular file (Symlink)")]
#[case::link("container-labs/link", EntryType::Link, "not a regular file (Link)")]
#[case::device("container-labs/sda", EntryType::Block, "not a regular file (Block)")]
#[case::directory("container-labs/src", EntryType::Directory, "not a regular file (Directory)")]
#[case::twice("container-labs/Cargo.toml", PLAIN, "it is in the archive twice")]
#[case::not_listed("container-labs/more", PLAIN, "it is in the archive, but not in the list")]
fn what_may_not_be_in_it(#[case] name: &str, #[case] kind: EntryType, #[case] why: &str) {
    let checked = checked(&with(&[MANIFEST_OF_LAB0, MAIN_OF_LAB0, (name, kind, b"")]));
    assert_eq!(checked.wrong.len(), 1, "{:?}", checked.wrong);
    assert!(checked.wrong[0].contains(why), "{:?}", checked.wrong);
}

#[test]
fn what_is_missing_or_other_than_listed() {
    let missing = checked(&with(&[MANIFEST_OF_LAB0])).wrong;
    assert_eq!(missing, ["lab0-chroot/src/main.rs: it is in the list, but not in the archive"]);
    let other = checked(&with(&[MANIFEST_OF_LAB0, (MAIN_OF_LAB0.0, PLAIN, b"fn main() { }")])).wrong;
    assert!(other[0].contains("13 bytes with the sum ") && other.len() == 1, "{other:?}");
}

#[test]
fn without_a_list_nothing_is_right() {
    for (bytes, why) in [
        (archive(&[MANIFEST_OF_LAB0]), "manifest.json is not the first file in it"),
        (archive(&[]), "manifest.json is not the first file in it"),
        (archive(&[("container-labs/manifest.json", PLAIN, b"{}")]), "manifest.json: missing field"),
    ] {
        let wrong = checked(&bytes).wrong;
        assert!(wrong.len() == 1 && wrong[0].starts_with(why), "{wrong:?}");
    }
}

#[test]
fn wherever_it_is_cut_off_it_is_wrong() {
    let whole = write(&files()).unwrap();
    for length in 0..whole.len() {
        assert_ne!(checked(&whole[..length]).wrong, Vec::<String>::new(), "{length} of {}", whole.len());
    }
}

#[test]
fn a_byte_more_is_wrong() {
    let mut more = write(&files()).unwrap();
    more.push(0);
    assert_eq!(checked(&more).wrong, ["there is data after its end"]);
    // A second gzip stream behind the first is one more archive to whoever reads on.
    let twice = [write(&files()).unwrap(), write(&files()).unwrap()].concat();
    assert_eq!(checked(&twice).wrong, ["there is data after its end"]);
}

/// 64 MiB that become 64 KiB: read no further than a submission may be large.
#[test]
fn a_bomb_is_not_unpacked() {
    let mut gzip = GzEncoder::new(Vec::new(), Compression::best());
    let mut header = Header::new_ustar();
    header.set_path("container-labs/manifest.json").unwrap();
    header.set_size(64 << 20);
    header.set_cksum();
    gzip.write_all(header.as_bytes()).unwrap();
    (0..64).for_each(|_| gzip.write_all(&[0; 1 << 20]).unwrap());
    let bomb = gzip.finish().unwrap();
    assert!(bomb.len() < 1 << 20);
    let wrong = checked(&bomb).wrong;
    assert!(wrong.iter().any(|line| line.contains("longer than")), "{wrong:?}");
}

#[test]
fn what_is_no_archive_says_so() {
    for bytes in [&b""[..], b"hello", &[0x1f, 0x8b, 8, 0]] {
        let wrong = checked(bytes).wrong;
        assert!(wrong.len() == 1 && wrong[0].starts_with("it can't be read to its end"), "{wrong:?}");
    }
}
