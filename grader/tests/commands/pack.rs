//! `grader pack`: a student's sources in one file, and that file read back.

use crate::common::confined::small_disk;
use crate::common::stage::{Ran, Stage, Who, skip};
use crate::common::warm;
use nix::unistd::geteuid;
use predicates::prelude::PredicateBooleanExt;
use predicates::str::{contains, is_empty, starts_with};
use std::ffi::OsStr;
use std::fs;
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::symlink;
use std::path::{Path, PathBuf};
use std::process::Command;

/// A stage with a new workspace in it.
fn workspace() -> Option<(Stage, PathBuf)> {
    if Command::new("cargo").arg("--version").output().is_err() {
        skip("needs cargo");
        return None;
    }
    let stage = Stage::new(if geteuid().is_root() { Who::Root } else { Who::User })?;
    stage.run(stage.grader(["starter", "mine"])).assert().success();
    let mine = stage.path("mine");
    Some((stage, mine))
}

fn pack(stage: &Stage, place: &Path, words: &[&str]) -> Ran {
    let mut grader = stage.grader([&["pack"], words].concat());
    grader.current_dir(place);
    warm::cargo_settings(&mut grader);
    stage.run(grader)
}

#[test]
fn the_same_sources_give_the_same_file() {
    let Some((stage, mine)) = workspace() else { return };
    let told = pack(&stage, &mine, &["--no-build", "-o", "../one.tar.gz"]).assert().success();
    told.stdout(contains("  lab1-namespaces/src/main.rs\n").and(contains("../one.tar.gz: ")))
        .stderr(contains("left out: README.md\n").and(contains("target").not()).and(contains(".git/").not()));
    // Elsewhere, by files that are younger, from a directory below.
    let moved = stage.path("moved");
    fs::rename(&mine, &moved).unwrap();
    let main = moved.join("lab1-namespaces/src/main.rs");
    fs::write(&main, fs::read(&main).unwrap()).unwrap();
    pack(&stage, &moved.join("lab2-mounts"), &["--no-build", "-o", "../../two.tar.gz"]).assert().success();
    let read = |name: &str| fs::read(stage.path(name)).unwrap();
    assert!(read("one.tar.gz") == read("two.tar.gz"), "the two differ");

    // What tar(1) makes of it.
    if let Ok(tar) = Command::new("tar").arg("tvzf").arg(stage.path("one.tar.gz")).output() {
        let list = String::from_utf8(tar.stdout).unwrap();
        assert!(list.lines().all(|line| line.starts_with("-rw-r--r-- 0/0 ")), "{list}");
        assert!(list.lines().next().unwrap().ends_with(" container-labs/manifest.json"), "{list}");
        assert!(list.contains(" container-labs/Cargo.lock\n"), "{list}");
    }
    let told = pack(&stage, &moved, &["--check", "../one.tar.gz"]).assert().success();
    told.stdout(contains("  Cargo.toml\n").and(contains("each as its list says"))).stderr(is_empty());
}

#[test]
fn nothing_but_sources_is_in_it() {
    let Some((stage, mine)) = workspace() else { return };
    fs::create_dir(mine.join("notes")).unwrap();
    for (name, text) in [
        ("notes/secret.txt", "a"),
        ("progress.toml", ""),
        ("lab1-namespaces/answers.md", "b"),
        ("lab1-namespaces/src/.lib.rs.swp", "c"),
        ("lab1-namespaces/src/lib.rs~", "d"),
        ("lab1-namespaces/src/name.txt", "kept"),
        ("lab1-namespaces/src/\u{202e}sr.bil", "d"),
    ] {
        fs::write(mine.join(name), text).unwrap();
    }
    fs::write(mine.join("lab1-namespaces/src/large.bin"), vec![0; (1 << 20) + 1]).unwrap();
    symlink("/etc/passwd", mine.join("lab1-namespaces/src/link.rs")).unwrap();
    let ran = pack(&stage, &mine, &["--no-build"]).assert().success();
    let said = String::from_utf8(ran.get_output().stderr.clone()).unwrap();
    for line in [
        "left out: notes/",
        "left out: progress.toml",
        "left out: lab1-namespaces/answers.md",
        "left out: lab1-namespaces/src/.lib.rs.swp",
        "left out: lab1-namespaces/src/lib.rs~",
        "left out: lab1-namespaces/src/large.bin (longer than 1 MiB)",
        "left out: lab1-namespaces/src/link.rs (a link)",
        r"left out: lab1-namespaces/src/\u{202e}sr.bil (a name with hidden characters)",
    ] {
        assert!(said.lines().any(|it| it == line), "{line:?} is missing in\n{said}");
    }
    let list = String::from_utf8(ran.get_output().stdout.clone()).unwrap();
    assert!(list.contains("  lab1-namespaces/src/name.txt\n"), "{list}");
    assert!(!list.contains("link.rs") && !list.contains("secret"), "{list}");
    pack(&stage, &mine, &["--check", "submission.tar.gz"]).assert().success();
}

#[test]
fn what_does_not_build_is_not_packed() {
    let Some((stage, mine)) = workspace() else { return };
    assert!(warm::target_of_pack(&stage.cache()));
    pack(&stage, &mine, &[]).assert().success().stdout(contains("It builds."));
    fs::remove_file(mine.join("submission.tar.gz")).unwrap();

    // It builds in the workspace, and not from what is packed.
    let library = mine.join("lab1-namespaces/src/lib.rs");
    let before = fs::read_to_string(&library).unwrap();
    fs::write(&library, format!("{before}\nconst _: &str = include_str!(\"../words.md\");\n")).unwrap();
    fs::write(mine.join("lab1-namespaces/words.md"), "words").unwrap();
    let refused = pack(&stage, &mine, &[]).assert().code(1).stdout(is_empty());
    refused.stderr(
        contains("left out: lab1-namespaces/words.md").and(contains("to pack them anyway: --no-build")),
    );
    assert!(!mine.join("submission.tar.gz").exists());
    pack(&stage, &mine, &["--no-build"]).assert().success().stdout(contains("It builds.").not());
    pack(&stage, &mine, &["--check", "submission.tar.gz"]).assert().success();

    // Nor does this.
    fs::write(mine.join("lab3-pivot/Cargo.toml"), "[package").unwrap();
    pack(&stage, &mine, &[]).assert().code(1).stdout(is_empty());
    let packed = pack(&stage, &mine, &["--no-build"]).assert().success();
    packed.stdout(contains("  lab3-pivot/Cargo.toml\n").and(contains("  lab3-pivot/src/main.rs\n")));
}

/// Settings and a toolchain that are in force in the workspace, and nowhere else, help nobody who gets what was packed.
#[test]
fn what_builds_here_alone_is_not_packed() {
    let Some((stage, mine)) = workspace() else { return };
    assert!(warm::target_of_pack(&stage.cache()));
    fs::create_dir(mine.join(".cargo")).unwrap();
    fs::write(
        mine.join(".cargo/config.toml"),
        "[env]\nSECRET = \"here\"\n[build]\nrustflags = [\"--cfg\", \"here\"]\n",
    )
    .unwrap();
    let library = mine.join("lab1-namespaces/src/lib.rs");
    let before = fs::read_to_string(&library).unwrap();
    for only_here in ["const _: &str = env!(\"SECRET\");", "#[cfg(not(here))]\ncompile_error!(\"not here\");"]
    {
        fs::write(&library, format!("{before}\n{only_here}\n")).unwrap();
        let refused = pack(&stage, &mine, &[]).assert().code(1).stdout(is_empty());
        refused.stderr(contains("left out: .cargo/ (settings of cargo").and(contains("do not build")));
        assert!(!mine.join("submission.tar.gz").exists());
    }
    fs::write(&library, before).unwrap();
    pack(&stage, &mine, &[]).assert().success().stdout(contains("It builds."));

    // The old name of rust-toolchain.toml: what it says counts where it is built, and so it is packed.
    fs::write(mine.join("rust-toolchain"), "stable\n").unwrap();
    let packed = pack(&stage, &mine, &["--no-build"]).assert().success();
    packed.stdout(contains("  rust-toolchain\n"));
}

/// What other systems and editors leave beside the source, or write in it.
#[test]
fn what_is_no_text_is_no_hindrance() {
    let Some((stage, mine)) = workspace() else { return };
    assert!(warm::target_of_pack(&stage.cache()));
    let source = mine.join("lab1-namespaces/src");
    fs::write(source.join("._lib.rs"), b"\0\x05\x16\x07Mac OS X\xb0\xff").unwrap();
    fs::write(source.join("alt.rs"), b"// \xfcber\n").unwrap();
    fs::write(source.join(OsStr::from_bytes(b"\xe9t\xe9.rs")), "").unwrap();
    let library = source.join("lib.rs");
    let text = fs::read_to_string(&library).unwrap();
    fs::write(&library, format!("\u{feff}{}", text.replace('\n', "\r\n"))).unwrap();
    let packed = pack(&stage, &mine, &[]).assert().success();
    packed.stdout(contains("  lab1-namespaces/src/alt.rs\n").and(contains("It builds."))).stderr(
        contains("(a name that is not UTF-8)").and(contains("left out: lab1-namespaces/src/._lib.rs\n")),
    );
}

#[test]
fn a_place_that_is_none_is_named() {
    let Some((stage, mine)) = workspace() else { return };
    let none = pack(&stage, &stage.directory("empty"), &[]).assert().code(2);
    none.stderr(contains("no workspace with the labs here"));
    pack(&stage, crate::common::stage::workspace(), &[])
        .assert()
        .code(2)
        .stderr(contains("grader starter DIR"));
    for (words, why) in [
        (&["--check", "missing.tar.gz"][..], "--check missing.tar.gz: No such file"),
        (&["--check", "."], "--check .: it is not a regular file"),
        (&["--check", "x", "-o", "y"], "cannot be used with"),
        (&["--no-build", "-o", "lab1-namespaces"], "that is a directory"),
    ] {
        pack(&stage, &mine, words).assert().code(2).stdout(is_empty()).stderr(contains(why));
    }
    let nowhere = pack(&stage, &mine, &["--no-build", "-o", "no/such/place.tar.gz"]).assert().code(1);
    nowhere.stderr(contains("--output no/such/place.tar.gz"));
}

#[test]
fn a_file_that_was_changed_is_found_out() {
    let Some((stage, mine)) = workspace() else { return };
    pack(&stage, &mine, &["--no-build"]).assert().success();
    let path = mine.join("submission.tar.gz");
    let whole = fs::read(&path).unwrap();
    fs::write(&path, &whole[..whole.len() / 2]).unwrap();
    let told = pack(&stage, &mine, &["--check", "submission.tar.gz"]).assert().code(1).stdout(is_empty());
    told.stderr(starts_with("grader: submission.tar.gz: it can't be read to its end"));
}

/// Nothing half-written is left, and what was packed before stays.
#[test]
fn a_full_disk_leaves_what_was_there() {
    let Some((stage, mine)) = workspace() else { return };
    let small = stage.directory("small");
    let script =
        "echo before >../small/out.tar.gz && \"$@\"; code=$?; cd ../small; ls -A; cat out.tar.gz; exit $code";
    let mut shell = stage.script(script, ["pack", "--no-build", "-o", "../small/out.tar.gz"]);
    shell.current_dir(&mine).env("CARGO_NET_OFFLINE", "true");
    small_disk(&mut shell, stage.who, &small, 8192);
    let told = stage.run(shell).assert().code(1).stdout("out.tar.gz\nbefore\n");
    told.stderr(contains("--output ../small/out.tar.gz: No space left on device"));
}
