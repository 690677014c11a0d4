//! The mutation score: a step that is taken out loses exactly the checks that `steps.toml` names.

use super::{changed, stage};
use crate::common::stage::{Ran, Stage, all_is_asked_for, skip, workspace};
use crate::common::warm;
use nix::unistd::geteuid;
use rstest::rstest;
use serde_json::Value;
use std::collections::BTreeMap;
use std::fs;
use std::path::Path;

/// Some of each lab, of every kind: a flag, a mount, a call, something that is closed. All of them take longer than
/// a test should. The last of them stand for all, unless all is asked for.
const SOME: &[&str] = &[
    "lab0-chroot/chdir",
    "lab1-namespaces/private-propagation",
    "lab1-namespaces/network-namespace",
    "lab2-mounts/nodev",
    "lab2-mounts/tmp",
    "lab3-pivot/session",
    "lab3-pivot/close-descriptors",
];

/// Whoever knocks out, and a kind of decoy host that they can make.
fn knocks_out(decoy: &str) -> Option<Stage> {
    if decoy == "root" && !geteuid().is_root() {
        skip("needs root");
        return None;
    }
    if decoy == "user" && geteuid().is_root() && !all_is_asked_for("decoys that an ordinary user can make") {
        return None;
    }
    stage()
}

/// Knocks out in a workspace.
fn knockout(stage: &Stage, place: &Path, decoy: &str, names: &[&str]) -> (Ran, Value) {
    let mut grader = stage.grader(["knockout", "--format", "json", "--decoy", decoy]);
    grader.args(names).current_dir(place);
    if place != workspace() {
        warm::cargo_settings(&mut grader);
    }
    let ran = stage.run(grader);
    let found = serde_json::from_slice(&ran.0.stdout)
        .unwrap_or_else(|error| panic!("{error}: {}", String::from_utf8_lossy(&ran.0.stderr)));
    (ran, found)
}

/// The names in a list of the report.
fn names(list: &Value) -> Vec<&str> {
    list.as_array().unwrap().iter().map(|name| name.as_str().unwrap()).collect()
}

#[rstest]
fn some_steps_of_each_lab_lose_what_is_written_down_for_them(#[values("root", "user")] decoy: &str) {
    let Some(stage) = knocks_out(decoy) else { return };
    let some = if all_is_asked_for("steps of labs 0 to 2") { SOME } else { &SOME[5..] };
    let (ran, found) = knockout(&stage, workspace(), decoy, some);
    assert_eq!(ran.code(), Some(0), "{found:#}");
    assert_eq!(found["mutation_score"], 1.0, "{found:#}");
    assert_eq!(names(&found["fell_short"]), [""; 0]);
    let rows = found["steps"].as_array().unwrap();
    let full = |row: &Value| format!("{}/{}", row["lab"].as_str().unwrap(), row["step"].as_str().unwrap());
    assert_eq!(rows.iter().map(full).collect::<Vec<_>>(), some);
    for row in rows {
        assert_eq!(row["lost"], row["expected"]);
        let (lost, beyond) = (names(&row["lost"]), row["beyond_judging"].as_bool().unwrap());
        assert!(beyond || !lost.is_empty(), "{row:#}");
        // Whoever can make a disk can judge everything.
        assert!(!(beyond && decoy == "root"), "{row:#}");
    }
}

/// A decoy serves for more than one trial, and each of some attempts gives the host another name. A container without a name
/// of its own has copied the one that the host had then. Which trials share a decoy depends on who is free first: once shows
/// little.
#[test]
fn a_copy_of_any_name_that_the_host_has_had_is_the_hosts() {
    if !all_is_asked_for("six times the step that gives a container its name") {
        return;
    }
    let Some(stage) = stage() else { return };
    for _ in 0..6 {
        let (ran, found) = knockout(&stage, workspace(), "user", &["lab1/hostname"]);
        assert_eq!(ran.code(), Some(0), "{found:#}");
    }
}

/// In one workspace: a step that is idle, since what it does is done outside of it; two that have each other's names, and
/// so each other's rows; and a lab that falls short whole, in which nothing shows anything.
#[test]
fn whatever_is_not_as_it_is_written_down_is_a_failure() {
    let Some(stage) = stage() else { return };
    let (step, end) = ("// step: ", "\n    // end step\n\n    ");
    let flag = |name: &str| format!("flags |= CloneFlags::CLONE_NEW{name};");
    let written = |idle: &str, uts: &str, ipc: &str, pid: &str| {
        let step = |name: &str, body: &str| format!("{step}{name}-namespace\n    {body}");
        format!("{idle}{}", [step("uts", uts), step("ipc", ipc), step("pid", pid)].join(end))
    };
    let (uts, ipc, pid) = (flag("UTS"), flag("IPC"), flag("PID"));
    let before = written("", &uts, &ipc, &pid);
    let after = written(&format!("{uts}\n    "), "flags |= CloneFlags::empty();", &pid, &ipc);
    let (place, _) = changed(&stage, &before, &after);
    assert!(warm::target(&place));
    let main = place.join("lab0-chroot/src/main.rs");
    let text = fs::read_to_string(&main).unwrap();
    fs::write(&main, text.replace("// The parent.", "let _ = std::fs::write(\"/tmp/left\", \"\");")).unwrap();
    let steps = ["lab0", "lab1/uts-namespace", "lab1/ipc-namespace", "lab1/pid-namespace", "lab1/loopback"];
    let (ran, found) = knockout(&stage, &place, "user", &steps);
    assert_eq!(ran.code(), Some(1), "{found:#}");
    let why = names(&found["fell_short"]);
    assert!(why.len() == 1 && why[0].starts_with("lab0-chroot nothing-left: FAILS"), "{why:?}");
    let mut rows: BTreeMap<&str, (Vec<&str>, Vec<&str>)> = BTreeMap::new();
    for row in found["steps"].as_array().unwrap() {
        rows.insert(row["step"].as_str().unwrap(), (names(&row["lost"]), names(&row["expected"])));
    }
    assert_eq!(rows.len(), 4, "{found:#}");
    let idle = &rows["uts-namespace"];
    assert!(idle.0.is_empty() && idle.1.starts_with(&["host-name", "hostname-read"]), "{idle:?}");
    let (ipc, pid) = (&rows["ipc-namespace"], &rows["pid-namespace"]);
    assert!((&ipc.0, &ipc.1) == (&pid.1, &pid.0) && !ipc.0.is_empty(), "{ipc:?} {pid:?}");
    assert_eq!(rows["loopback"].0, ["loopback-up"]);
    assert_eq!(found["mutation_score"], 0.25, "{found:#}");
}

#[rstest]
#[case(&["lab9"])]
#[case(&["lab1", "lab2/hostname"])]
#[case(&["no-such-step"])]
fn a_name_of_neither_a_lab_nor_a_step_is_refused(#[case] words: &[&str]) {
    let Some(stage) = stage() else { return };
    let wrong = words.last().unwrap();
    let said = format!("grader: {wrong}: neither a lab nor a step; there are lab0-chroot");
    let ran = stage.run(stage.grader(["knockout"].iter().chain(words)));
    let said = predicates::str::contains(said);
    ran.assert().code(2).stdout(predicates::str::is_empty()).stderr(said);
}
