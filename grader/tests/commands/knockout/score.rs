//! The mutation score: a step that is taken out loses exactly the checks that `steps.toml` names.

use super::{changed, stage};
use crate::common::stage::{Ran, Stage, all_is_asked_for, skip, workspace};
use nix::unistd::geteuid;
use rstest::rstest;
use serde_json::Value;
use std::path::Path;

/// Some of each lab, of every kind: a flag, a mount, a call, something that is closed. All of them take longer than
/// a test should.
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
    let (ran, found) = knockout(&stage, workspace(), decoy, SOME);
    assert_eq!(ran.code(), Some(0), "{found:#}");
    assert_eq!(found["mutation_score"], 1.0, "{found:#}");
    assert_eq!(names(&found["fell_short"]), [""; 0]);
    let rows = found["steps"].as_array().unwrap();
    let full = |row: &Value| format!("{}/{}", row["lab"].as_str().unwrap(), row["step"].as_str().unwrap());
    assert_eq!(rows.iter().map(full).collect::<Vec<_>>(), SOME);
    for row in rows {
        assert_eq!(row["lost"], row["expected"]);
        let (lost, beyond) = (names(&row["lost"]), row["beyond_judging"].as_bool().unwrap());
        assert!(beyond || !lost.is_empty(), "{row:#}");
        // Whoever can make a disk can judge everything.
        assert!(!(beyond && decoy == "root"), "{row:#}");
    }
}

/// The step is there, and what it does is done outside of it: nothing misses it.
#[test]
fn a_step_that_no_check_misses_is_a_failure() {
    let Some(stage) = stage() else { return };
    let step = "// step: uts-namespace\n    flags |= CloneFlags::CLONE_NEWUTS;";
    let idle =
        "flags |= CloneFlags::CLONE_NEWUTS;\n    // step: uts-namespace\n    flags |= CloneFlags::empty();";
    let (place, _) = changed(&stage, step, idle);
    let (ran, found) = knockout(&stage, &place, "user", &["lab1/uts-namespace", "lab1/ipc-namespace"]);
    assert_eq!(ran.code(), Some(1), "{found:#}");
    assert_eq!(found["mutation_score"], 0.5, "{found:#}");
    let [idle, other] = found["steps"].as_array().unwrap().as_slice() else { panic!("{found:#}") };
    assert_eq!((names(&idle["lost"]), &idle["step"]), (vec![], &"uts-namespace".into()));
    let expected = names(&idle["expected"]).join(", ");
    assert!(expected.contains("host-name, hostname-read"), "{expected}");
    assert_eq!(other["lost"], other["expected"]);

    // And the same in words.
    let mut grader = stage.grader(["knockout", "--decoy", "user", "uts-namespace"]);
    grader.current_dir(&place);
    let said = format!(
        "lab1-namespaces/uts-namespace\n    nothing\n    ! expected: {expected}\n\n\
         0 of 1 steps lose exactly the expected checks\n"
    );
    stage.run(grader).assert().code(1).stdout(said);
}

/// Two steps have each other's names, and so each other's rows.
#[test]
fn a_row_that_names_other_checks_is_a_failure() {
    let Some(stage) = stage() else { return };
    let (uts, ipc) = ("flags |= CloneFlags::CLONE_NEWUTS;", "flags |= CloneFlags::CLONE_NEWIPC;");
    let both = |first: &str, second: &str| {
        format!("{first}\n    // end step\n\n    // step: ipc-namespace\n    {second}")
    };
    let (place, _) = changed(&stage, &both(uts, ipc), &both(ipc, uts));
    let (ran, found) = knockout(&stage, &place, "user", &["uts-namespace", "ipc-namespace"]);
    assert_eq!(ran.code(), Some(1), "{found:#}");
    assert_eq!(found["mutation_score"], 0.0, "{found:#}");
    let [uts, ipc] = found["steps"].as_array().unwrap().as_slice() else { panic!("{found:#}") };
    assert_eq!((&uts["lost"], &uts["expected"]), (&ipc["expected"], &ipc["lost"]));
    assert!(!names(&uts["lost"]).is_empty());
}

/// What falls short whole shows nothing without a step.
#[test]
fn a_lab_that_falls_short_whole_is_not_knocked_out() {
    let Some(stage) = stage() else { return };
    let (place, _) = changed(&stage, "flags |= CloneFlags::CLONE_NEWUTS;", "flags |= CloneFlags::empty();");
    let (ran, found) = knockout(&stage, &place, "user", &["lab1/ipc-namespace"]);
    assert_eq!(ran.code(), Some(1), "{found:#}");
    assert_eq!((&found["mutation_score"], &found["steps"]), (&0.0.into(), &Value::Array(vec![])));
    let why = names(&found["fell_short"]);
    assert!(why.len() == 1 && why[0].starts_with("lab1-namespaces host-name: FAILS"), "{why:?}");
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
