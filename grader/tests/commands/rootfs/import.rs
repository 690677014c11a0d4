//! `grader rootfs import`, as a person runs it. What archives of all kinds come to is tested beside the code.

use super::built;
use crate::common::machine::wait_until;
use crate::common::stage::{Stage, Who, all_is_asked_for, check};
use flate2::Compression;
use flate2::write::GzEncoder;
use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;
use rstest::rstest;
use std::ffi::OsString;
use std::fs::{self, File};
use std::io::{self, Read};
use std::os::unix::fs::MetadataExt;
use std::os::unix::process::ExitStatusExt;
use std::path::Path;
use std::process::Stdio;

/// An archive of the embedded root file system below `rootfs/`, as an image of LXD has it, with `more` behind it.
fn archive(to: &Path, more: impl Read, size: u64) {
    let (_temporary, rootfs) = built();
    let mut tar = tar::Builder::new(GzEncoder::new(File::create(to).unwrap(), Compression::fast()));
    tar.follow_symlinks(false);
    tar.append_dir_all("rootfs", &rootfs.path).unwrap();
    let mut header = tar::Header::new_gnu();
    header.set_uid(0);
    header.set_gid(0);
    header.set_mtime(0);
    header.set_mode(0o4755);
    header.set_size(size);
    tar.append_data(&mut header, "rootfs/more", more).unwrap();
    let mut header = tar::Header::new_gnu();
    header.set_uid(0);
    header.set_gid(0);
    header.set_mtime(0);
    header.set_mode(0o644);
    header.set_size(1);
    tar.append_data(&mut header, "metadata.yaml", &b"\n"[..]).unwrap();
    tar.into_inner().unwrap().finish().unwrap();
}

/// The names in the stage, without those that each has.
fn names(stage: &Stage) -> Vec<OsString> {
    let mut names: Vec<_> =
        fs::read_dir(stage.path("work")).unwrap().map(|it| it.unwrap().file_name()).collect();
    names.sort();
    names
}

/// A stage with an archive in a directory of the person's.
fn stage(who: Who) -> Option<Stage> {
    let stage = Stage::new(who)?;
    stage.directory("work");
    archive(&stage.path("work/image.bin"), &b"x"[..], 1);
    Some(stage)
}

fn import(stage: &Stage) -> std::process::Command {
    let mut grader = stage.grader(["rootfs", "import", "image.bin"]);
    grader.current_dir(stage.path("work"));
    grader
}

#[rstest]
fn what_is_imported_serves(#[values(Who::Root, Who::User)] who: Who) {
    let Some(stage) = stage(who) else { return };
    let ran = stage.run(import(&stage));
    assert_eq!(ran.code(), Some(0), "{ran:?}");
    let said = String::from_utf8_lossy(&ran.0.stdout).into_owned();
    let expected =
        ["rootfs\n", "from an archive (tar, gzip), its directory rootfs", "/etc/machine-id: as it was"];
    expected.iter().for_each(|part| assert!(said.contains(part), "{part}: {said}"));
    assert_eq!(names(&stage), ["image.bin", "rootfs"]);
    let warned = String::from_utf8_lossy(&ran.0.stderr).into_owned();
    if who == Who::Root {
        assert!(warned.contains("1 set-user-ID or set-group-ID program; move it below"), "{warned}");
    }
    // Root in the archive is this person here, where only root can make somebody else the owner.
    let owner = fs::metadata(stage.path("work/rootfs/bin")).unwrap().uid();
    let is_lost = said.contains("lost: the owner of ") && said.contains("lost: set-user-ID");
    assert_eq!((owner, is_lost), (who.uid(), who != Who::Root && who.uid() != 0));
    let again = stage.run(import(&stage));
    assert_eq!(again.code(), Some(1));
    again.assert().stderr(predicates::str::contains("the directory is not empty"));

    stage.run(stage.grader(["rootfs", "check", "work/rootfs"])).assert().code(0);
    let rootfs = stage.path("work/rootfs");
    let Some(lab) = stage.program("lab3-pivot") else { return };
    let words = ["--check", "chroot-escape", "--check", "starts", "--format", "json", "--rootfs"];
    let mut grader = stage.grader(["run".as_ref(), lab.as_os_str()]);
    grader.args(words).arg(rootfs);
    let report = stage.run(grader).report();
    let verdicts = ["chroot-escape", "starts"].map(|id| check(&report, "lab3-pivot", id).as_expected);
    assert_eq!(verdicts, [true, true], "{report:#?}");
}

#[rstest]
#[case::a_directory(&["rootfs", "import", "."], "that is a directory")]
#[case::nothing(&["rootfs", "import", "none"], "none: can't be read")]
#[case::a_device(&["rootfs", "import", "/dev/zero"], "no regular file")]
#[case::a_size(&["rootfs", "import", "image.bin", "--max-size", "1x"], "is no size")]
#[case::too_large(&["rootfs", "import", "image.bin", "--max-size", "1M"], "more than 1 MiB")]
#[case::no_parent(&["rootfs", "import", "image.bin", "a/b"], "make its parent first")]
#[case::a_file(&["rootfs", "import", "image.bin", "image.bin"], "Not a directory")]
fn what_is_wrong_is_said_and_nothing_is_left(#[case] words: &[&str], #[case] why: &str) {
    let Some(stage) = stage(Who::User) else { return };
    let mut grader = stage.grader(words);
    grader.current_dir(stage.path("work"));
    let ran = stage.run(grader);
    assert_ne!(ran.code(), Some(0));
    ran.assert().stderr(predicates::str::contains(why));
    assert_eq!(names(&stage), ["image.bin"]);
}

/// Starts an import that takes a while, and waits until it has begun to write.
fn begun(stage: &Stage) -> std::process::Child {
    archive(&stage.path("work/image.bin"), io::repeat(b'x').take(800 << 20), 800 << 20);
    let child = import(stage).stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap();
    wait_until("the import has begun", || names(stage).len() > 1);
    child
}

#[test]
fn a_signal_ends_it_and_nothing_is_left() {
    let Some(stage) = stage(Who::User) else { return };
    for signal in [Signal::SIGINT, Signal::SIGTERM] {
        let mut child = begun(&stage);
        kill(Pid::from_raw(child.id() as i32), signal).unwrap();
        assert_eq!(child.wait().unwrap().code(), Some(128 + signal as i32));
        assert_eq!(names(&stage), ["image.bin"]);
        if !all_is_asked_for("an import that is ended by another signal") {
            return;
        }
    }
}

#[test]
fn what_a_killed_one_left_goes_with_the_next() {
    let Some(stage) = stage(Who::User) else { return };
    let mut child = begun(&stage);
    child.kill().unwrap();
    assert_eq!(child.wait().unwrap().signal(), Some(Signal::SIGKILL as i32));
    assert_eq!(names(&stage).len(), 2, "killed, it can remove nothing");
    // One that is at work is left alone.
    let mut alive = begun(&stage);
    let mut other = import(&stage);
    other.args(["other", "--max-size", "1M"]).stderr(Stdio::null());
    assert_eq!(other.status().unwrap().code(), Some(1));
    assert_eq!(names(&stage).len(), 2);
    kill(Pid::from_raw(alive.id() as i32), Signal::SIGTERM).unwrap();
    alive.wait().unwrap();
    assert_eq!(names(&stage), ["image.bin"]);
}
