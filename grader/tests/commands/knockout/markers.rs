//! Sources whose markers are broken: the grader names file and line, and builds nothing.

use super::{changed, stage};
use grader::labs::Workspace;
use predicates::prelude::PredicateBooleanExt;
use predicates::str::{contains, is_empty};
use rstest::rstest;
use std::fs;

/// What is written, what in its place, and how many lines below that the complaint is.
#[rstest]
#[case::nested("// end step", "// ended", 2, "a step begins inside the step mount-namespace")]
#[case::doubled("// step: uts-namespace", "// step: mount-namespace", 0, "a second step mount-namespace")]
#[case::unknown("// step: uts-namespace", "// step: the-unknown", 0, "has no row in steps.toml")]
#[case::misspelled("// step: uts-namespace", "// Step: uts-namespace", 0, "is neither `// step: NAME` nor")]
#[case::no_name("// step: uts-namespace", "// step: UTS", 0, "is not a name of a step")]
#[case::never_begun(
    "// step: mount-namespace",
    "// The first:",
    2,
    "`// end step` without a `// step: NAME` before it"
)]
fn a_broken_marker_is_named_by_file_and_line(
    #[case] from: &str,
    #[case] to: &str,
    #[case] below: usize,
    #[case] why: &str,
    #[values("knockout", "explain")] command: &str,
) {
    let Some(stage) = stage() else { return };
    let (place, line) = changed(&stage, from, to);
    let mut grader = stage.grader([command, if command == "knockout" { "lab1" } else { "hostname" }]);
    grader.current_dir(&place);
    let named = format!("grader: lab1-namespaces/src/lib.rs:{}: ", line + below);
    stage.run(grader).assert().code(1).stdout(is_empty()).stderr(contains(named).and(contains(why)));
}

#[rstest]
#[case::never_ended("// end step", "", "the step time-namespace has no `// end step`")]
#[case::no_longer_there("// step: time-namespace", "// The time:", "")]
fn a_step_whose_other_marker_is_gone_is_named(
    #[case] from: &str,
    #[case] to: &str,
    #[case] why: &str,
    #[values(&["knockout", "lab1"], &["explain", "hostname"], &["explain"])] words: &[&str],
) {
    let Some(stage) = stage() else { return };
    let place = stage.directory("labs");
    Workspace::alone().unwrap().write(&place).unwrap();
    let time = place.join("lab1-namespaces/src/time.rs");
    let text = fs::read_to_string(&time).unwrap();
    let line_of = |what: &str| text[..text.find(what).unwrap()].matches('\n').count() + 1;
    // Where a step begins if its end is gone, and the end itself if the beginning is.
    let line = if why.is_empty() { line_of("// end step") } else { line_of("// step:") };
    let why = if why.is_empty() { "`// end step` without a `// step: NAME` before it" } else { why };
    fs::write(&time, text.replace(from, to)).unwrap();
    let mut grader = stage.grader(words);
    grader.current_dir(&place);
    let named = format!("grader: lab1-namespaces/src/time.rs:{line}: {why}");
    stage.run(grader).assert().code(1).stdout(is_empty()).stderr(contains(named));
}

/// A row of the steps' table whose step is nowhere: the line is that of the row.
#[rstest]
fn a_step_that_is_gone_is_named(#[values(&["knockout", "lab1"], &["explain", "hostname"])] words: &[&str]) {
    let Some(stage) = stage() else { return };
    let place = stage.directory("labs");
    Workspace::alone().unwrap().write(&place).unwrap();
    let time = place.join("lab1-namespaces/src/time.rs");
    let text = fs::read_to_string(&time).unwrap();
    let lines: Vec<&str> = text
        .lines()
        .filter(|line| !line.trim().starts_with("// step:") && line.trim() != "// end step")
        .collect();
    fs::write(&time, lines.join("\n")).unwrap();
    let rows = include_str!("../../../steps.toml");
    let row = rows[..rows.find("[\"lab1-namespaces\".time-namespace]").unwrap()].matches('\n').count();
    let mut grader = stage.grader(words);
    grader.current_dir(&place);
    let ran = stage.run(grader);
    let said = String::from_utf8_lossy(&ran.0.stderr).into_owned();
    let named = said.strip_prefix("grader: grader/steps.toml:").and_then(|rest| rest.split_once(": "));
    let (line, why) = named.unwrap_or_else(|| panic!("{said}"));
    assert_eq!(why.trim(), "the step lab1-namespaces/time-namespace has no marker in the source");
    assert_eq!(line.parse::<usize>().unwrap(), row + 1, "{said}");
    ran.assert().code(1).stdout(is_empty());
}
