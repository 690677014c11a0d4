//! What the board shows after each save.

use super::pty::Pty;
use super::student::{LIB, Student};
use crate::common::machine::Machine;
use crate::common::way::source;
use nix::sys::signal::Signal;
use std::fs;

/// The step whose first line says what the student turns to.
const FIRST: &str = "step mount-namespace: still to be written";

#[test]
fn a_compiler_error_appears_and_goes() {
    let Some(student) = Student::new(0) else { return };
    let before = Machine::now();
    let mut pty = student.board(&[]);
    let board = pty.shows(FIRST);
    assert!(board.contains("attempts: 1 of 4"), "{board}");
    let whole = student.read(LIB);
    student.save(LIB, &format!("{whole}\nfn broken() -> u8 {{ missing }}\n"));
    let errors = pty.shows("x does not compile; the verdicts are of the last build");
    for part in [
        "error[E0425]: cannot find value `missing` in this scope",
        "lab1-namespaces/src/lib.rs:",
        "could not compile",
    ] {
        assert!(errors.contains(part), "{part} is missing in {errors}");
    }
    student.save(LIB, &whole);
    let board = pty.wait("the error goes", |text| text.contains("graded in") && !text.contains("error"));
    assert!(board.contains(FIRST), "{board}");
    pty.keys("q");
    assert!(pty.gives_the_terminal_back().success());
    before.assert_unchanged(&student.stage);
}

#[test]
fn a_step_that_is_written_turns_its_checks() {
    let Some(student) = Student::new(3) else { return };
    let mut pty = student.board(&[]);
    let board = pty.shows("step hostname: still to be written");
    assert!(board.contains("x hostname-read         ESCAPED"), "{board}");
    student.write_step(4);
    let board = pty.shows("+ hostname-read         BLOCKED    was ESCAPED");
    assert!(board.contains("step ipc-namespace: still to be written"), "{board}");
    // A warning hides nothing, and can be read.
    let whole = student.read(LIB);
    student.save(LIB, &format!("{whole}\nfn nobody_calls_it() {{}}\n"));
    pty.shows("; warnings: m");
    pty.keys("m");
    pty.shows("function `nobody_calls_it` is never used");
    pty.keys("bq");
    assert!(pty.gives_the_terminal_back().success());
}

#[test]
fn pages_and_sizes() {
    let Some(student) = Student::new(0) else { return };
    let mut pty = student.board(&[]);
    pty.keys("h");
    pty.shows("Hint 1 of 3");
    pty.keys("hh");
    pty.shows("Hint 3 of 3");
    pty.keys("t");
    let page = pty.shows("What is missing");
    assert!(page.contains("mount in lab1-namespaces: ESCAPED"), "{page}");
    assert!(page.contains("the step lab1-namespaces/mount-namespace: still to be written"), "{page}");
    pty.keys("e");
    pty.shows("mount: an attempt");
    pty.keys("\x1b");
    pty.shows("works checks");
    pty.resize(40, 10);
    let small = pty.wait("40 by 10", |text| text.lines().count() == 10 && text.contains("? keys q quit"));
    assert!(small.contains(" lab1-namespaces  points 0 of 1") && small.contains(">x mount"), "{small}");
    pty.resize(80, 24);
    pty.shows("n next  m messages");
    // The next lab, and what it asks for.
    pty.keys("n");
    pty.shows(" lab2-mounts  points");
    pty.keys("p");
    pty.shows(" lab1-namespaces  points");
    pty.keys("\x03");
    assert!(pty.gives_the_terminal_back().success());
}

/// As editors save: into a file beside, which is then renamed; with a copy of what was there; in two steps.
#[test]
fn every_way_to_save_is_noticed_and_what_lies_beside_is_not() {
    let Some(student) = Student::new(0) else { return };
    for words in [&[] as &[&str], &["--poll"]] {
        student.save(LIB, &lib_of(0));
        let mut pty = student.board(words);
        pty.shows(FIRST);
        // Nothing that the lab is built from.
        for name in [".lib.rs.swp", "lib.rs~", "#lib.rs#", "4913"] {
            student.save(&format!("lab1-namespaces/src/{name}"), "half of a");
        }
        student.save("target/notice", "");
        let beside = student.root.join("lab1-namespaces/src/.lib.rs.new");
        fs::write(&beside, lib_of(1)).unwrap();
        fs::rename(student.root.join(LIB), student.root.join("lab1-namespaces/src/lib.rs~")).unwrap();
        fs::rename(&beside, student.root.join(LIB)).unwrap();
        pty.shows("step private-propagation: still to be written");
        // Half of it, then all of it: whatever was made of the half is gone in the end.
        let whole = lib_of(2);
        student.save(LIB, &whole[..whole.len() / 2]);
        student.save(LIB, &whole);
        pty.shows("step uts-namespace: still to be written");
        let whole = lib_of(3);
        student.save(LIB, &whole[..whole.len() / 2]);
        pty.shows("x does not compile");
        student.save(LIB, &whole);
        pty.shows("step hostname: still to be written");
        pty.signal(Signal::SIGTERM);
        pty.gives_the_terminal_back();
    }
}

/// The file when the first `written` steps are in.
fn lib_of(written: usize) -> String {
    source(written).file(LIB.as_ref()).unwrap().to_owned()
}

/// What was reached, and which hints were asked for, is noted in the workspace; that begins no build.
#[test]
fn what_was_reached_is_noted() {
    let Some(student) = Student::new(3) else { return };
    let mut pty = student.board(&[]);
    pty.keys("hh");
    pty.shows("Hint 2 of 3");
    let board = pty.shows("run 1: ");
    assert!(board.contains("step hostname"), "{board}");
    pty.keys("q");
    assert!(pty.gives_the_terminal_back().success());
    let noted: toml::Table = student.read("progress.toml").parse().unwrap();
    let lab = &noted["lab1-namespaces"];
    let list =
        |name: &str| lab[name].as_array().unwrap().iter().filter_map(|it| it.as_str()).collect::<Vec<_>>();
    assert!(list("green").contains(&"mount") && !list("green").contains(&"hostname-read"), "{noted}");
    assert_eq!(list("holds"), ["mount-namespace", "private-propagation"], "{noted}");
    assert_eq!(lab["hints"]["hostname"].as_integer(), Some(2));
    // Another day.
    let mut pty = student.board(&[]);
    pty.keys("h");
    pty.shows("Hint 2 of 3");
    pty.keys("q");
    assert!(pty.gives_the_terminal_back().success());
}

#[test]
fn without_markers_it_still_grades() {
    let Some(student) = Student::new(3) else { return };
    let bare: String = student
        .read(LIB)
        .lines()
        .filter(|line| !line.contains("step"))
        .map(|line| format!("{line}\n"))
        .collect();
    student.save(LIB, &bare);
    let mut pty = student.board(&[]);
    pty.shows("your source has no marker for it");
    pty.keys("q");
    assert!(pty.gives_the_terminal_back().success());
}

/// A terminal that has no colours, or whose person wants none, is told the same.
#[test]
fn without_colours_nothing_is_lost() {
    let Some(student) = Student::new(0) else { return };
    let coloured = student.board(&[]);
    let one = coloured.shows(FIRST);
    let has_colours = coloured.has_colours();
    drop(coloured);
    let mut watch = student.watch(&["lab1"]);
    watch.env("NO_COLOR", "1").env("TERM", "xterm-256color");
    let mut pty = Pty::start_as_it_is(watch, 100, 110);
    pty.shows("graded in");
    let other = pty.shows(FIRST);
    let rows = |text: &str| {
        text.lines()
            .skip(2)
            .map(|line| line.chars().take(40).collect::<String>().trim_end().to_owned())
            .collect::<Vec<_>>()
    };
    assert_eq!(rows(&one), rows(&other));
    assert!(has_colours && !pty.has_colours());
    pty.keys("q");
    assert!(pty.gives_the_terminal_back().success());
    // TERM=dumb: there can be no board.
    let mut watch = student.watch(&["lab1"]);
    watch.env("TERM", "dumb");
    let mut pty = Pty::start_as_it_is(watch, 100, 200);
    pty.shows("next: lab1-namespaces/mount-namespace");
    assert!(!pty.is_taken());
    pty.keys("q\n");
    assert!(pty.gives_the_terminal_back().success());
}
