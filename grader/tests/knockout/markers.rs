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
    let (place, line) = changed(&stage, from, to);
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
