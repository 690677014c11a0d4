//! `grader rootfs debian`, with tools that stand for Debian's own: there may be no network.

use crate::common::stage::{Stage, Who};
use rstest::rstest;
use std::fs::{self, Permissions};
use std::os::unix::fs::PermissionsExt;
use std::process::Command;

/// A tool in `tools` that runs this script.
fn tool(stage: &Stage, name: &str, script: &str) {
    stage.directory("tools");
    let path = stage.path("tools").join(name);
    fs::write(&path, format!("#!/bin/sh\n{script}")).unwrap();
    fs::set_permissions(&path, Permissions::from_mode(0o755)).unwrap();
}

/// The command, which finds no tool but those, and `/bin`.
fn debian(stage: &Stage, words: &[&str]) -> Command {
    let mut grader = stage.grader(["rootfs", "debian"]);
    grader.args(words).current_dir(stage.directory("work"));
    grader.env("PATH", format!("{}:/bin", stage.path("tools").display()));
    grader
}

fn count(stage: &Stage) -> usize {
    fs::read_dir(stage.path("work")).unwrap().count()
}

/// The tool takes what is given to it, says so, and writes a root file system.
#[rstest]
#[case::mmdebstrap(Who::User, "mmdebstrap", r#"for to; do :; done; tar -cf "$to" -C ROOTFS ."#)]
#[case::mmdebstrap_root(Who::Root, "mmdebstrap", r#"for to; do :; done; tar -cf "$to" -C ROOTFS ."#)]
#[case::debootstrap(
    Who::Root,
    "debootstrap",
    r#"for to; do :; done; cp -a ROOTFS/. "$to"; rm "$to/etc/machine-id""#
)]
fn a_tool_makes_one(#[case] who: Who, #[case] name: &str, #[case] script: &str) {
    let Some(stage) = Stage::new(who) else { return };
    if name == "debootstrap" && find("mmdebstrap") {
        return crate::common::stage::skip("mmdebstrap is installed here, and comes first");
    }
    stage.run(stage.grader(["rootfs", "build", "ready"])).assert().code(0);
    let script = script.replace("ROOTFS", stage.path("ready").to_str().unwrap());
    tool(
        &stage,
        name,
        &format!("case \"$*\" in '--variant=minbase '*trixie*) {script};; *) echo \"$*\"; exit 1;; esac\n"),
    );
    let ran = stage.run(debian(&stage, &["made", "--suite", "trixie"]));
    assert_eq!(ran.code(), Some(0), "{ran:?}");
    let said = String::from_utf8_lossy(&ran.0.stdout).into_owned();
    assert!(said.contains(&format!("made\ntrixie, made by {name}\n")), "{said}");
    assert_eq!(fs::read(stage.path("work/made/etc/machine-id")).unwrap().len(), 33);
    assert_eq!(count(&stage), 1);
}

#[test]
fn a_tool_that_fails_is_quoted_and_nothing_is_left() {
    let Some(stage) = Stage::new(Who::User) else { return };
    tool(&stage, "mmdebstrap", "echo I: working; printf 'E: no\\033[31m network\\n' >&2; exit 25\n");
    let ran = stage.run(debian(&stage, &[]));
    assert_eq!(ran.code(), Some(1));
    ran.assert()
        .stderr(predicates::str::contains("mmdebstrap has failed (exit status: 25)"))
        .stderr(predicates::str::contains("  I: working\n  E: no[31m network"));
    assert_eq!(count(&stage), 0);
    // It says that it has done it, and has not.
    tool(&stage, "mmdebstrap", "exit 0\n");
    stage.run(debian(&stage, &[])).assert().code(1);
    assert_eq!(count(&stage), 0);
    stage.run(debian(&stage, &["--suite", "--help"])).assert().code(2);
    stage
        .run(debian(&stage, &["--suite=-x"]))
        .assert()
        .code(1)
        .stderr(predicates::str::contains("no name of a release"));
}

#[test]
fn without_a_tool_there_is_a_remedy() {
    let Some(stage) = Stage::new(Who::User) else { return };
    if find("mmdebstrap") || find("debootstrap") {
        return crate::common::stage::skip("one of the tools is installed here");
    }
    stage
        .run(debian(&stage, &[]))
        .assert()
        .code(1)
        .stderr(predicates::str::contains("sudo apt install mmdebstrap"));
}

/// Whether a tool is where every user's programs are.
fn find(name: &str) -> bool {
    ["/bin", "/usr/sbin", "/sbin", "/usr/local/sbin"]
        .iter()
        .any(|place| fs::exists(format!("{place}/{name}")).unwrap())
}
