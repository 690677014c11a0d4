use super::*;
use rstest::rstest;

const LIB: &str = "fn f() {\n    // step: a\n    x();\n    y();\n    // end step\n    z();\n    \
                   // step: b\n    w();\n    // end step\n}\n";

fn source(files: &[(&str, &str)]) -> Source {
    files.iter().map(|(path, text)| (PathBuf::from(path), (*text).to_owned())).collect()
}

fn text(source: &Source) -> &str {
    source.file(Path::new("lab1-x/src/lib.rs")).unwrap()
}

#[test]
fn a_step_taken_out_leaves_its_markers_and_the_numbers_of_all_lines() {
    let whole = source(&[("lab1-x/src/lib.rs", LIB)]);
    let without_a = whole.without(|id| id.name == "a").unwrap();
    assert_eq!(text(&without_a), LIB.replace("    x();\n    y();\n", "\n\n"));
    assert_eq!(whole.without(|_| false).unwrap(), whole);
    let bare = whole.without(|_| true).unwrap();
    assert_eq!(bare.without(|_| true).unwrap(), bare);
}

#[rstest]
#[case::unix(LIB.to_owned(), "    // TODO\n\n    // more\n")]
#[case::windows(LIB.replace('\n', "\r\n"), "    // TODO\r\n\r\n    // more\r\n")]
fn another_body_is_indented_as_its_marker_is(#[case] lib: String, #[case] expected: &str) {
    let whole = source(&[("lab1-x/src/lib.rs", &lib)]);
    let changed = whole.replace(|id, _| (id.name == "b").then(|| "// TODO\n\n// more\n".to_owned())).unwrap();
    let end = if lib.contains('\r') { "\r\n" } else { "\n" };
    assert_eq!(text(&changed), lib.replace(&format!("    w();{end}"), expected));
}

#[test]
fn the_last_line_may_lack_its_newline() {
    let whole = source(&[("lab1-x/src/lib.rs", "// step: a\nx();\n// end step")]);
    assert_eq!(text(&whole.without(|_| true).unwrap()), "// step: a\n\n// end step");
}

#[test]
fn two_labs_may_share_a_name_but_not_two_files_of_one() {
    let step = "// step: a\n// end step\n";
    let labs = [("lab1-x/src/lib.rs", step), ("lab10-z/src/lib.rs", step), ("lab2-y/src/lib.rs", step)];
    let labs = source(&labs);
    assert_eq!(labs.labs(), ["lab1-x", "lab2-y", "lab10-z"]);
    let found: Vec<_> = labs.found().unwrap().into_iter().map(|(id, _)| id.to_string()).collect();
    assert_eq!(found, ["lab1-x/a", "lab2-y/a", "lab10-z/a"]);

    let files = source(&[("lab1-x/src/a.rs", step), ("lab1-x/src/b.rs", step)]);
    assert_eq!(
        files.found().unwrap_err().to_string(),
        "lab1-x/src/b.rs:1: a second step a; the first is at lab1-x/src/a.rs:1"
    );
}

#[test]
fn what_is_written_is_read_back_and_links_are_not_followed() {
    let dir = tempfile::tempdir().unwrap();
    let whole = source(&[
        ("Cargo.toml", "[workspace]\n"),
        ("common/Cargo.toml", ""),
        ("common/src/lib.rs", "\n"),
        ("lab1-x/Cargo.toml", ""),
        ("lab1-x/src/deep/er.rs", LIB),
    ]);
    whole.write(dir.path()).unwrap();
    fs::write(dir.path().join("lab1-x/src/notes.txt"), "not source").unwrap();
    std::os::unix::fs::symlink("/etc/passwd", dir.path().join("lab1-x/src/link.rs")).unwrap();
    fs::create_dir(dir.path().join("labels")).unwrap();
    assert_eq!(Source::read(dir.path()).unwrap(), whole);
}

#[test]
fn what_lies_beside_the_source_makes_no_other_source() {
    let dir = tempfile::tempdir().unwrap();
    let whole = source(&[
        ("Cargo.toml", "\u{feff}[workspace]\n"),
        ("lab1-x/Cargo.toml", "[package]\nname = \"lab1-x\"\n"),
        ("lab1-x/src/lib.rs", &format!("\u{feff}// step: first\r\n// end step\r\n{LIB}")),
    ]);
    whole.write(dir.path()).unwrap();
    let found = whole.found().unwrap();
    assert_eq!(found.len(), 3, "the byte order mark is no part of the first marker");
    // An archive that a Mac has made; Latin-1; a directory of notes, and copies of the lab.
    let write = |name: &str, bytes: &[u8]| {
        let path = dir.path().join(name);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, bytes).unwrap();
    };
    write("lab1-x/src/._lib.rs", b"\0\x05\x16\x07\xff");
    write("lab1-x/src/._more/lib.rs", LIB.as_bytes());
    write("lab1-x/src/alt.rs", b"// \xfcber\n");
    write("lab2-notes/notes.txt", b"");
    write("lab1-x (copy)/src/lib.rs", LIB.as_bytes());
    write("lab1-x (copy)/Cargo.toml", b"[package]\nname = \"lab1-x\"\n");
    write("lab1-old/Cargo.toml", b"[package]\nname = \"lab1-x\"\n");
    let mut read = Source::read(dir.path()).unwrap();
    assert_eq!(read.found().unwrap(), found);
    let unread = std::mem::take(&mut read.unread);
    assert_eq!(unread, [("lab1-x/src/alt.rs".into(), "it is not UTF-8".to_owned())]);
    assert_eq!(read, whole);
}

#[test]
fn what_is_missing_is_named() {
    let dir = tempfile::tempdir().unwrap();
    let error = format!("{:#}", Source::read(dir.path()).unwrap_err());
    assert!(error.contains("/Cargo.toml: No such file"), "{error}");
}
