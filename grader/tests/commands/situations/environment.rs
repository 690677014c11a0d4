//! Environment variables that name places, and the current directory.

use super::Expected::{self, Same};
use super::{before, grade, grader, labs, run, stage};
use crate::common::stage::{Stage, Who};
use rstest::rstest;
use std::fs::{self, Permissions};
use std::os::unix::fs::PermissionsExt;
use std::process::Command;

/// A situation, how a grader comes to it, and what is to come of it.
type Row = (&'static str, fn(&Stage, &mut Command), Expected);

const ROWS: &[Row] = &[
    ("no HOME", |_, it| home(it, None), Same),
    ("an empty HOME", |_, it| home(it, Some("")), Same),
    ("a relative HOME", |_, it| home(it, Some("home")), Same),
    ("a missing HOME", |_, it| home(it, Some("/no/such/home")), Same),
    ("a HOME that is a file", |_, it| home(it, Some("/etc/passwd")), Same),
    ("a HOME in which nobody makes anything", |_, it| home(it, Some("/proc")), Same),
    ("a missing cache", no_such_cache, Same),
    ("an empty environment", nothing_but_tmpdir, Same),
    ("a directory that was removed", removed, Same),
    ("a directory that is read-only", read_only, Same),
    ("a directory that can't be searched", closed, Same),
];

#[rstest]
fn the_environment_changes_no_verdict(#[values(Who::Root, Who::User)] who: Who) {
    let Some(stage) = stage(who) else { return };
    for &(name, prepare, expected) in ROWS {
        grade(&stage, name, |it| prepare(&stage, it), expected);
        assert!(!std::path::Path::new("/no").exists(), "{name}: a home was made");
        assert!(!stage.path("home").exists(), "{name}: a home was made");
    }
}

#[test]
fn a_cache_for_the_run_is_named_and_gone_afterwards() {
    let Some(stage) = stage(Who::Root).or_else(|| stage(Who::User)) else { return };
    let Some(labs) = labs(&stage) else { return };
    let (mut grader, report) = grader(&stage, &labs[..1]);
    home(&mut grader, Some("/no/such/home"));
    let (ran, report) = run(&stage, grader, &report);
    let said = String::from_utf8_lossy(&ran.0.stderr).into_owned();
    assert!(report.is_some(), "{said}");
    let line = "grader: cannot make the cache directory /no/such/home/.cache/container-labs: /no/such/home is no \
                directory. For this run the cache is ";
    assert!(said.contains(line), "{said}");
    assert!(said.contains("; to keep one, set XDG_CACHE_HOME to a directory that can be written"), "{said}");
}

fn home(grader: &mut Command, value: Option<&str>) {
    grader.env_remove("XDG_CACHE_HOME");
    match value {
        Some(value) => grader.env("HOME", value),
        None => grader.env_remove("HOME"),
    };
}

fn no_such_cache(_: &Stage, grader: &mut Command) {
    grader.env("XDG_CACHE_HOME", "/no/such/home/.cache");
}

fn nothing_but_tmpdir(stage: &Stage, grader: &mut Command) {
    grader.env_clear().env("TMPDIR", stage.path("tmp"));
}

fn removed(stage: &Stage, grader: &mut Command) {
    let place = stage.directory("removed");
    grader.current_dir(&place);
    before(grader, move || fs::remove_dir(&place));
}

fn read_only(stage: &Stage, grader: &mut Command) {
    let place = stage.directory("read-only");
    fs::set_permissions(&place, Permissions::from_mode(0o555)).unwrap();
    grader.current_dir(place);
}

fn closed(stage: &Stage, grader: &mut Command) {
    let place = stage.directory("closed");
    fs::set_permissions(&place, Permissions::from_mode(0o755)).unwrap();
    grader.current_dir(&place);
    before(grader, move || fs::set_permissions(&place, Permissions::from_mode(0o000)));
}
