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

/// The whole of lab 1, with the grader of this workspace. (`.ci/run` takes every step out, in both kinds of decoy host.)
#[test]
fn every_step_of_lab_1_loses_exactly_what_is_written_down_for_it() {
    let Some(stage) = stage() else { return };
    let place = stage.directory("labs");
    Workspace::alone().unwrap().write(&place).unwrap();
    let kind = if stage.who == Who::Root { "root" } else { "user" };
    let found = knocked_out(&stage, &place, kind, 0);
    if found["steps"].as_array().unwrap().is_empty() {
        return skip("no decoy host can be made");
    }
    assert_eq!(found["mutation_score"], 1.0, "{found:#}");
    assert_eq!(found["steps"].as_array().unwrap().len(), 11, "{found:#}");
}

/// A step that nobody misses, one that does another's work, a lab that falls short whole: each is told, and the exit
/// code is 1.
#[test]
fn a_step_that_loses_something_else_is_a_failure() {
    let Some(stage) = stage() else { return };
    let place = stage.directory("labs");
    let source = Workspace::alone().unwrap();
    let library = place.join("lab1-namespaces/src/lib.rs");
    let change = |changes: &[(&str, &str)]| {
        source.write(&place).unwrap();
        let mut text = fs::read_to_string(&library).unwrap();
        for (from, to) in changes {
            assert!(text.contains(from), "{from}");
            text = text.replacen(from, to, 1);
        }
        fs::write(&library, text).unwrap();
    };
    let row = |found: &serde_json::Value, step: &str| {
        let rows = found["steps"].as_array().unwrap();
        rows.iter().find(|row| row["step"] == step).unwrap_or_else(|| panic!("{step}: {found:#}"))["lost"]
            .clone()
    };

    // The name is set once more, outside of its step.
    let set = "nix::unistd::sethostname(HOSTNAME).step(\"hostname\")?;\n        // end step\n";
    let again = format!("{set}        nix::unistd::sethostname(HOSTNAME).map_err(|_| ()).unwrap_or(());\n");
    change(&[(set, &again)]);
    let found = knocked_out(&stage, &place, "user", 1);
    if found["steps"].as_array().unwrap().is_empty() {
        return skip("no decoy host can be made");
    }
    assert_eq!(row(&found, "hostname"), serde_json::json!([]));
    assert_eq!(exact(&found), 10.0, "{found:#}");

    // Two steps, each with the other's work.
    change(&[
        ("CLONE_NEWUTS;", "CLONE_SWAP;"),
        ("CLONE_NEWIPC;", "CLONE_NEWUTS;"),
        ("CLONE_SWAP;", "CLONE_NEWIPC;"),
    ]);
    let found = knocked_out(&stage, &place, "user", 1);
    assert_eq!(row(&found, "uts-namespace"), serde_json::json!(["posix-mq", "sysv-shm"]));
    assert_eq!(exact(&found), 9.0, "{found:#}");

    change(&[("nix::unistd::sethostname(HOSTNAME)", "Ok::<(), nix::errno::Errno>(())")]);
    let found = knocked_out(&stage, &place, "user", 1);
    assert_eq!(found["steps"], serde_json::json!([]));
    let short = found["fell_short"].as_array().unwrap();
    assert!(short.iter().any(|line| line.as_str().unwrap().starts_with("lab1-namespaces ")), "{found:#}");
}

/// How many steps of lab 1 lose what they should, by the score.
fn exact(found: &serde_json::Value) -> f64 {
    (found["mutation_score"].as_f64().unwrap() * 11.0 * 1e6).round() / 1e6
}

/// The knock-outs of lab 1 in a workspace.
fn knocked_out(stage: &Stage, place: &Path, decoy: &str, code: i32) -> serde_json::Value {
    let mut grader = stage.grader(["knockout", "lab1", "--format", "json", "--decoy", decoy]);
    grader.current_dir(place).env("CARGO_NET_OFFLINE", "true").env_remove("CARGO_TARGET_DIR");
    let ran = stage.run(grader);
    let found: serde_json::Value = serde_json::from_slice(&ran.0.stdout).unwrap_or_default();
    let none = found["steps"].as_array().is_none_or(Vec::is_empty);
    if !none || code == 0 {
        ran.assert().code(if none { 1 } else { code });
    }
    found
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
