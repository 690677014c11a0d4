//! The whole way of a student under watch: the steps are put back one at a time, and after each save the board says what
//! `steps.toml` predicts.

use super::pty::Pty;
use super::student::Student;
use crate::common::stage::all_is_asked_for;
use crate::common::way::{Stop, as_predicted, asked, number, points, predicted, steps};
use attempts::attempts::Attempt;
use grader::judge::verdict::Outcome;
use grader::labs;
use grader::report::{Cause, CheckKind};
use std::collections::BTreeMap;

/// The signs of the checks on the board, by their names.
fn signs(board: &str) -> BTreeMap<&str, char> {
    let row = |line: &str| {
        let (sign, id) = (line.chars().nth(1)?, line.get(3..)?.split(' ').next()?);
        Some((board[board.find(id)?..].get(..id.len())?, sign))
    };
    board.lines().filter_map(row).filter(|(id, _)| asked(labs::ALL.len()).any(|check| check == *id)).collect()
}

/// What the board should say: the sign of each check, and the title with the points.
fn compare(board: &str, stop: &Stop) {
    // Whoever watches: what is being written is somebody's code.
    let (signs, user) = (signs(board), true);
    let place = || format!("lab {} after {} steps\n{board}", stop.lab, stop.written);
    let mut checks = Vec::new();
    for id in asked(stop.lab) {
        let sign = *signs.get(id).unwrap_or_else(|| panic!("{id} is missing: {}", place()));
        let green = predicted(id, stop, user);
        match (sign, green) {
            ('+', true) | ('x' | '~', false) | ('?', _) => {}
            _ => panic!("{id} is {sign:?}: {}", place()),
        }
        let kind = if Attempt::find(id).is_some() { CheckKind::Attempt } else { CheckKind::Works };
        let none = Outcome::Inconclusive(Cause::Machine, String::new());
        let none = none.check(id, kind, None);
        checks.push(if sign == '?' { none } else { as_predicted(&none, green) });
    }
    let (earned, most) = points(stop.lab, checks);
    let title = format!(" {}  points {earned} of {most}", labs::ALL[stop.lab]);
    let rest = board.strip_prefix(&title);
    assert!(
        rest.is_some_and(|rest| rest.starts_with("  ") || rest.starts_with(", ")),
        "{title:?}: {}",
        place()
    );
}

/// The number of the last run, once it has ended.
fn run(board: &str) -> Option<u32> {
    let status = board.lines().nth(1)?.strip_prefix("run ")?;
    let (number, rest) = status.split_once(": ")?;
    rest.contains("graded in").then(|| number.parse().ok())?
}

#[test]
fn each_save_shows_what_is_written_down_for_it() {
    let lab_1 = steps().iter().filter(|step| number(&step.id) == 1).count();
    let begin = if all_is_asked_for("all but the last steps of lab 1") { 0 } else { lab_1 - 3 };
    let Some(student) = Student::new(begin) else { return };
    let mut pty = Pty::start(student.grader(&["watch", "lab1"]), 100, 110);
    let mut last = 0;
    let mut next = |pty: &Pty, stop: Stop| {
        let board = pty.wait("another run", |text| run(text).is_some_and(|run| run > last));
        last = run(&board).unwrap();
        compare(&board, &stop);
        board
    };
    let mut lab = 1;
    next(&pty, Stop { written: begin, lab });
    for (written, step) in (1..).zip(steps()).skip(begin) {
        if number(&step.id) != lab {
            if begin > 0 {
                break;
            }
            lab = number(&step.id);
            pty.keys("n");
            next(&pty, Stop { written: written - 1, lab });
        }
        student.write_step(written);
        next(&pty, Stop { written, lab });
    }
    pty.shows("every step passes");
    pty.keys("q");
    assert!(pty.gives_the_terminal_back().success());
}
