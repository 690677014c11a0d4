use super::*;
use rstest::rstest;

const ROWS: &str = r#"# Two rows.
["lab1-x".second]
goal = "g"
missing = "no g"
man = []
hints = ["1", "2", "3"]
lost = []

["lab1-x".first]
goal = "g"
missing = "no g"
man = []
hints = ["1", "2", "3"]
lost = []
"#;

fn found(names: &[&str]) -> Vec<(StepId, MarkedStep)> {
    let step = |name: &&str| {
        let found = MarkedStep {
            name: (*name).to_owned(),
            file: "lab1-x/src/lib.rs".into(),
            line: 7,
            end: 9,
            body: String::new(),
        };
        (StepId { lab: "lab1-x".into(), name: (*name).to_owned() }, found)
    };
    names.iter().map(step).collect()
}

#[test]
fn the_order_is_that_of_the_rows() {
    let steps = join_with(ROWS, found(&["first", "second"])).unwrap();
    let names: Vec<_> = steps.iter().map(|step| step.id.name.as_str()).collect();
    assert_eq!(names, ["second", "first"]);
}

#[rstest]
#[case::no_marker(ROWS, &["second"], "grader/steps.toml:9: the step lab1-x/first has no marker in the source")]
#[case::no_row(
    ROWS,
    &["first", "second", "third"],
    "lab1-x/src/lib.rs:7: the step lab1-x/third has no row in steps.toml"
)]
#[case::no_goal("\n[\"lab1-x\".first]\nman = []\n", &["first"], "grader/steps.toml:2: missing field `goal`")]
fn a_marker_or_a_row_alone_is_an_error(#[case] rows: &str, #[case] names: &[&str], #[case] expected: &str) {
    assert_eq!(join_with(rows, found(names)).unwrap_err().to_string(), expected);
}

#[test]
fn two_hints_are_too_few() {
    let rows = ROWS.replace(r#""1", "2", "3""#, r#""1", "2""#);
    assert!(join_with(&rows, found(&["first", "second"])).is_err());
}

#[test]
fn what_an_attempt_names_is_lost_and_what_another_step_covers_is_not() {
    let lost = |lab: &str, step: &str| {
        let steps = crate::labs::Workspace::sources().steps().unwrap();
        steps.into_iter().find(|it| it.id.lab == lab && it.id.name == step).unwrap().lost
    };
    let of_uts = lost("lab1-namespaces", "uts-namespace");
    assert!(
        of_uts.starts_with(&["hostname-set".into()]) && of_uts.ends_with(&["host-name".into()]),
        "{of_uts:?}"
    );
    // `dev` alone stops it, and `tty-inject` escapes in lab 3 with all its steps.
    assert!(!lost("lab2-mounts", "nodev").contains(&"raw-disk".into()));
    assert!(!lost("lab3-pivot", "session").contains(&"tty-inject".into()));
}
