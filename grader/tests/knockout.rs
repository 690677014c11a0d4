//! `grader knockout` as a person runs it: outside of any workspace, a second time, and on sources whose markers are
//! broken.

mod common;

use common::stage::{Stage, Who, skip};
use grader::labs::Workspace;
use nix::unistd::geteuid;
use predicates::prelude::PredicateBooleanExt;
use predicates::str::{contains, is_empty};
use rstest::rstest;
use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::SystemTime;

fn stage() -> Option<Stage> {
    if Command::new("cargo").arg("--version").output().is_err() {
        skip("needs cargo");
        return None;
    }
    Stage::new(if geteuid().is_root() { Who::Root } else { Who::User })
}

/// Every file below a directory that a build makes, and when.
fn built(directory: &Path) -> BTreeMap<PathBuf, SystemTime> {
    let mut found = BTreeMap::new();
    for entry in fs::read_dir(directory).into_iter().flatten().flatten() {
        let (path, about) = (entry.path(), entry.metadata().unwrap());
        // Cargo writes these anew each time, whether it has built anything or not.
        let list = path.extension().is_some_and(|ending| ending == "d");
        match about.is_dir() {
            true => found.extend(built(&path)),
            false if list => {}
            false => drop(found.insert(path, about.modified().unwrap())),
        }
    }
    found
}

/// The sources are those that the grader carries, and the cache is its own.
#[test]
fn outside_of_any_workspace_it_works_and_a_second_run_builds_nothing() {
    let Some(stage) = stage() else { return };
    let cache = stage.directory("cache");
    let knockout = || {
        let mut grader = stage.grader(["knockout", "lab0", "--decoy", "user"]);
        grader.env("XDG_CACHE_HOME", &cache).env("CARGO_NET_OFFLINE", "true").env_remove("CARGO_TARGET_DIR");
        stage.run(grader).assert().success().stdout(contains("1 of 1 steps lose exactly")).stderr(is_empty());
    };
    knockout();
    let variants = cache.join("container-labs/variants");
    let first = built(&variants);
    assert!(first.keys().any(|path| path.ends_with("program")), "{first:?}");
    let libraries = |found: BTreeMap<PathBuf, SystemTime>| -> BTreeMap<PathBuf, SystemTime> {
        found.into_iter().filter(|(path, _)| path.extension().is_some_and(|it| it == "rlib")).collect()
    };
    let base = libraries(built(&cache));
    knockout();
    assert_eq!(built(&variants), first, "the second run has built a variant");
    assert_eq!(libraries(built(&cache)), base, "the second run has built what the labs stand on");
}

/// The labs in a workspace of their own, with one line of lab 1 changed.
fn broken(stage: &Stage, from: &str, to: &str) -> (PathBuf, usize) {
    let place = stage.directory("labs");
    Workspace::alone().unwrap().write(&place).unwrap();
    let library = place.join("lab1-namespaces/src/lib.rs");
    let text = fs::read_to_string(&library).unwrap();
    let line = text[..text.find(from).expect(from)].matches('\n').count() + 1;
    fs::write(&library, text.replacen(from, to, 1)).unwrap();
    (place, line)
}

/// What is written, what in its place, and how many lines below that the complaint is.
#[rstest]
#[case::nested("// end step", "// ended", 2, "a step begins inside the step mount-namespace")]
#[case::doubled("// step: uts-namespace", "// step: mount-namespace", 0, "a second step mount-namespace")]
#[case::unknown("// step: uts-namespace", "// step: the-unknown", 0, "has no row in steps.toml")]
#[case::misspelled("// step: uts-namespace", "// Step: uts-namespace", 0, "is neither `// step: NAME` nor")]
#[case::no_name("// step: uts-namespace", "// step: UTS", 0, "is no name of a step")]
#[case::never_begun("// step: mount-namespace", "// The first:", 2, "`// end step`, and no step is open")]
fn a_broken_marker_is_named_by_file_and_line(
    #[case] from: &str,
    #[case] to: &str,
    #[case] below: usize,
    #[case] why: &str,
    #[values("knockout", "explain")] command: &str,
) {
    let Some(stage) = stage() else { return };
    let (place, line) = broken(&stage, from, to);
    let mut grader = stage.grader([command, if command == "knockout" { "lab1" } else { "hostname" }]);
    grader.current_dir(&place);
    let named = format!("grader: lab1-namespaces/src/lib.rs:{}: ", line + below);
    stage.run(grader).assert().code(1).stdout(is_empty()).stderr(contains(named).and(contains(why)));
}

#[test]
fn a_step_that_never_ends_is_named() {
    let Some(stage) = stage() else { return };
    let place = stage.directory("labs");
    Workspace::alone().unwrap().write(&place).unwrap();
    let time = place.join("lab1-namespaces/src/time.rs");
    let text = fs::read_to_string(&time).unwrap();
    let line = text[..text.find("// step:").unwrap()].matches('\n').count() + 1;
    fs::write(&time, text.replace("// end step", "")).unwrap();
    let mut grader = stage.grader(["knockout", "lab1"]);
    grader.current_dir(&place);
    let named =
        format!("grader: lab1-namespaces/src/time.rs:{line}: the step time-namespace has no `// end step`");
    stage.run(grader).assert().code(1).stdout(is_empty()).stderr(contains(named));
}
