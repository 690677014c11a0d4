use super::*;
use rstest::rstest;

fn names(text: &str) -> Vec<String> {
    parse(Path::new("lib.rs"), text).unwrap().into_iter().map(|step| step.name).collect()
}

#[rstest]
#[case::none("fn main() {}\n", &[])]
#[case::two("// step: a\nx\n// end step\n// step: b\n// end step\n", &["a", "b"])]
#[case::carriage_returns("// step: a\r\nx\r\n// end step\r\n", &["a"])]
#[case::no_last_newline("// step: a\nx\n// end step", &["a"])]
#[case::indented("\t // step: a-1\n // end step  \n", &["a-1"])]
#[case::not_alone_on_its_line("x // step: a\ny // end step\n", &[])]
#[case::documentation("/// step: a\n//! // end step\n", &[])]
#[case::an_ordinary_comment("// steps: three\n// one step: the last\n", &[])]
fn steps_are_found(#[case] text: &str, #[case] expected: &[&str]) {
    assert_eq!(names(text), expected);
}

#[rstest]
#[case::unclosed("\n// step: a\nx\n", 2, "the step a has no `// end step`")]
#[case::unclosed_at_the_very_end("// step: a", 1, "the step a has no `// end step`")]
#[case::nested("// step: a\n// step: b\n", 2, "a step begins inside the step a, which began at line 1")]
#[case::doubled(
    "// step: a\n// end step\n// step: a\n// end step\n",
    3,
    "a second step a; the first is at lib.rs:1"
)]
#[case::end_without_start("x\n// end step\n", 2, "`// end step` without a `// step: NAME` before it")]
#[case::ended_twice(
    "// step: a\n// end step\n// end step\n",
    3,
    "`// end step` without a `// step: NAME` before it"
)]
#[case::capitals("// step: A\n", 1, r#""A" is not a name of a step: use only a-z, 0-9 and -"#)]
#[case::two_words("// step: a b\n", 1, r#""a b" is not a name of a step: use only a-z, 0-9 and -"#)]
#[case::no_name("// step: \n", 1, "`// step:` is neither `// step: NAME` nor `// end step`")]
#[case::no_space("//step: a\n", 1, "`//step: a` is neither `// step: NAME` nor `// end step`")]
#[case::more_after_the_end(
    "// step: a\n// end step: a\n",
    2,
    "`// end step: a` is neither `// step: NAME` nor `// end step`"
)]
fn wrong_markers_are_named(#[case] text: &str, #[case] line: usize, #[case] why: &str) {
    let broken = parse(Path::new("lib.rs"), text).unwrap_err();
    assert_eq!(broken.to_string(), format!("lib.rs:{line}: {why}"));
}

#[rstest]
#[case::unix("\n")]
#[case::windows("\r\n")]
fn a_body_loses_the_indentation_that_its_lines_share(#[case] end: &str) {
    let lines =
        ["fn f() {", "    // step: a", "    if x {", "", "        y();", "    }", "    // end step", "}"];
    let step = parse(Path::new("lib.rs"), &lines.join(end)).unwrap().remove(0);
    assert_eq!((step.line, step.end), (2, 7));
    assert_eq!(step.body, "if x {\n\n    y();\n}\n");
}
