//! The matrix in README.md is the one that was measured. `UPDATE=1` writes it.

use crate::pages::workspace;
use attempts::attempts::ALL;
use grader::formats::table;
use grader::judge::verdict::Outcome;
use grader::labs;
use grader::report::{CheckKind, DecoyKind, Report, TargetKind, TargetReport};
use std::fs;

/// The rows of the attempts, with the head of the table.
fn expected() -> String {
    let mut report = Report::new(DecoyKind::Root, "embedded".into());
    for (number, lab) in labs::ALL.iter().enumerate() {
        let outcome = |letter| match letter {
            Some('E') => Outcome::Escaped(String::new()),
            _ => Outcome::Blocked(String::new()),
        };
        let check = |outcome: Outcome, id| outcome.check(id, CheckKind::Attempt, Some(outcome.verdict()));
        let checks = ALL.iter().map(|it| check(outcome(it.letter(number, it.letters.root)), it.id)).collect();
        report.targets.push(TargetReport { checks, ..TargetReport::new(lab, lab, TargetKind::Lab) });
    }
    let mut text = Vec::new();
    table::matrix(&report, &mut anstream::StripStream::new(&mut text)).unwrap();
    let text = String::from_utf8(text).unwrap();
    text.lines().take(1 + ALL.len()).map(|line| format!("{line}\n")).collect()
}

#[test]
fn the_matrix_is_the_one_that_was_measured() {
    let path = workspace().join("README.md");
    let text = fs::read_to_string(&path).unwrap();
    let (before, rest) = text.split_once("```text\n").expect("the matrix");
    let (shown, after) = rest.split_once("```").unwrap();
    let expected = expected();
    let (table, below) = shown.split_at(shown.find(" works checks").expect("the rows below the attempts"));
    if std::env::var_os("UPDATE").is_some() {
        fs::write(&path, format!("{before}```text\n{expected}{below}```{after}")).unwrap();
        return;
    }
    assert_eq!(table, expected, "UPDATE=1 cargo test -p grader --test book readme writes it");
}
