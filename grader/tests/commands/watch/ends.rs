//! However the watch ends, the terminal is as it was.

use super::pty::{Pty, code};
use super::student::Student;
use crate::common::machine::Machine;
use grader::student::watch::ui::Ui;
use nix::sys::signal::Signal;
use rstest::rstest;
use std::env;
use std::process::Command;

#[rstest]
#[case::key("q", None)]
#[case::control_c("\x03", None)]
#[case::terminate("", Some(Signal::SIGTERM))]
#[case::interrupt("", Some(Signal::SIGINT))]
#[case::hang_up("", Some(Signal::SIGHUP))]
fn the_terminal_is_given_back(#[case] keys: &str, #[case] signal: Option<Signal>) {
    let Some(student) = Student::new(0) else { return };
    let before = Machine::now();
    let mut pty = student.board(&[]);
    assert!(pty.is_taken());
    pty.keys(keys);
    if let Some(signal) = signal {
        pty.signal(signal);
    }
    let status = pty.gives_the_terminal_back();
    assert_eq!(code(status), signal.map_or(0, |signal| 128 + signal as i32));
    before.assert_unchanged(&student.stage);
}

/// A panic is told on a terminal that is the person's again, whichever thread it is in.
#[rstest]
#[case::of_the_board("main")]
#[case::beside_it("thread")]
fn a_panic_gives_the_terminal_back(#[case] place: &str) {
    let mut test = Command::new(env::current_exe().unwrap());
    test.args(["--exact", "watch::ends::takes_the_terminal_and_panics", "--ignored", "--nocapture"])
        .env("PANIC_IN", place)
        .env("RUST_BACKTRACE", "0");
    let mut pty = Pty::start(test, 80, 60);
    let status = pty.gives_the_terminal_back();
    assert!(!status.success());
    pty.shows("the board is broken");
}

/// What the test above runs on a terminal: nothing in the grader panics on demand.
#[test]
#[ignore = "run by another test, on a terminal"]
fn takes_the_terminal_and_panics() {
    let Ok(place) = env::var("PANIC_IN") else { return };
    let _face = Ui::board(true).unwrap();
    let panic = || panic!("the board is broken");
    match place.as_str() {
        "thread" => {
            let _ = std::thread::spawn(panic).join();
            // The face was not dropped yet: the hook alone has given the terminal back.
            std::process::exit(1);
        }
        _ => panic(),
    }
}
