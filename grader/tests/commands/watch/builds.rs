//! Builds that never end, builds that come too fast, and labs that hang or flood.

use super::pty::{Pty, code};
use super::student::{LIB, Student};
use crate::common::machine::{Machine, processes_with, wait_until};
use crate::common::stage::all_is_asked_for;
use crate::common::way::source;
use nix::sys::signal::Signal;
use std::fs;

const SCRIPT: &str = "lab1-namespaces/build.rs";

/// A build script that says that it runs and then never ends, with a child that does the same. Each run of it also says
/// where another one still runs.
fn endless(student: &Student) -> String {
    let place = student.stage.directory("builds");
    format!(
        r#"
use std::fs::{{File, OpenOptions, TryLockError, write}};
fn main() {{
    let place = {place:?};
    let lock = OpenOptions::new().create(true).write(true).open(format!("{{place}}/lock")).unwrap();
    if let Err(TryLockError::WouldBlock) = lock.try_lock() {{
        File::create(format!("{{place}}/twice")).unwrap();
    }}
    let word = {word:?};
    let mut child = std::process::Command::new("sh").args(["-c", "sleep 1000; :", word]).spawn().unwrap();
    write(format!("{{place}}/began"), std::process::id().to_string()).unwrap();
    child.wait().unwrap();
}}
"#,
        place = place.display().to_string(),
        word = format!("endless-{}", student.stage.word()),
    )
}

/// Waits until a build script runs, other than the one of this number, and returns its number.
fn began(student: &Student, last: i32) -> i32 {
    let mut pid = 0;
    wait_until("a build script runs", || {
        let text = fs::read_to_string(student.stage.path("builds/began")).unwrap_or_default();
        pid = text.parse().unwrap_or(0);
        pid > 0 && pid != last
    });
    pid
}

/// Nothing of a build is left.
fn all_gone(student: &Student) {
    let word = format!("endless-{}", student.stage.word());
    wait_until("nothing of the build is left", || processes_with(&word).is_empty());
    assert!(!student.stage.path("builds/twice").exists(), "two builds at once");
}

/// A watch in whose workspace no build ends.
fn stuck(student: &Student) -> (Pty, i32) {
    student.save(SCRIPT, &endless(student));
    let pty = Pty::start(student.watch(&["lab1"]), 100, 110);
    let pid = began(student, 0);
    (pty, pid)
}

#[test]
fn a_build_that_never_ends_is_ended_by_a_key_and_by_a_save() {
    let Some(student) = Student::new(0) else { return };
    let before = Machine::now();
    let (mut pty, pid) = stuck(&student);
    pty.shows("building: ");
    // The board answers meanwhile.
    pty.keys("h");
    pty.shows("Hint 1 of 3");
    pty.keys("s");
    pty.shows("the build of lab1-namespaces was stopped");
    all_gone(&student);
    pty.keys("r");
    let pid = began(&student, pid);
    // Saves that come faster than builds: each ends the one before, and never are there two.
    let mut last = pid;
    for number in 0..5 {
        student.save(LIB, &format!("{}\n// {number}\n", source(0).file(LIB.as_ref()).unwrap()));
        last = began(&student, last);
    }
    fs::remove_file(student.root.join(SCRIPT)).unwrap();
    pty.shows("graded in");
    all_gone(&student);
    pty.keys("q");
    assert!(pty.gives_the_terminal_back().success());
    before.assert_unchanged(&student.stage);
}

#[test]
fn a_build_that_never_ends_is_ended_by_its_limit() {
    let Some(student) = Student::new(0) else { return };
    student.save(SCRIPT, &endless(&student));
    // On a busy machine the script may not have begun by then.
    let mut pty = Pty::start(student.watch(&["lab1", "--build-limit", "3"]), 100, 110);
    pty.shows("timed out after 3 s, and was stopped.");
    all_gone(&student);
    pty.keys("q");
    assert!(pty.gives_the_terminal_back().success());
}

#[test]
fn a_build_that_never_ends_ends_with_the_watch() {
    for signal in [None, Some(Signal::SIGTERM), Some(Signal::SIGKILL)] {
        let Some(student) = Student::new(0) else { return };
        let before = Machine::now();
        let (mut pty, _) = stuck(&student);
        match signal {
            Some(signal) => pty.signal(signal),
            None => pty.keys("q"),
        }
        let killed = signal == Some(Signal::SIGKILL);
        let status = if killed { pty.ended() } else { pty.gives_the_terminal_back() };
        assert_eq!(code(status), signal.map_or(0, |signal| 128 + signal as i32));
        all_gone(&student);
        before.assert_unchanged_soon(&student.stage);
    }
}

/// What the command of lab 1 does in place of the step `hostname`.
fn with(body: &str) -> String {
    let id = "lab1-namespaces/hostname";
    let changed = source(3).replace(|it, _| (it.to_string() == id).then(|| body.to_owned())).unwrap();
    changed.file(LIB.as_ref()).unwrap().to_owned()
}

#[test]
fn a_lab_that_hangs_or_floods_leaves_the_board_alone() {
    let Some(student) = Student::new(3) else { return };
    let before = Machine::now();
    let mut pty = student.board(&["--check", "starts"]);
    if all_is_asked_for("labs that hang, and flood, to the end of their trials") {
        for body in [
            "loop { std::thread::sleep(std::time::Duration::from_secs(1)); }",
            "loop { eprintln!(\"{}\", \"flood\".repeat(1000)); }",
        ] {
            // What stands behind a loop without end is never reached: on purpose here.
            student.save(LIB, &with(&format!("#[allow(clippy::empty_loop, unreachable_code)]\n{body}")));
            pty.shows("grading: ");
            // The board answers while it hangs.
            pty.keys("h");
            let page = pty.shows("Hint 1 of 3");
            assert!(page.contains("grading: "), "{page}");
            pty.keys("b");
            let board =
                pty.wait("it is graded", |text| text.contains("x starts") && text.contains("graded in"));
            assert!(board.contains("FAILS"), "{board}");
            student.save(LIB, source(3).file(LIB.as_ref()).unwrap());
            pty.wait("it is whole again", |text| text.contains("+ starts") && text.contains("graded in"));
        }
    }
    // A save while it hangs: the verdicts are of what was saved last.
    student.save(LIB, &with("loop { std::thread::sleep(std::time::Duration::from_secs(1)); }"));
    pty.shows("grading: ");
    pty.keys("h");
    assert!(pty.shows("Hint 1 of 3").contains("grading: "));
    pty.keys("b");
    student.save(LIB, source(4).file(LIB.as_ref()).unwrap());
    let board = pty.wait("the last save is graded", |text| {
        text.contains("step ipc-namespace") && text.contains("graded in")
    });
    assert!(board.contains("+ hostname-read"), "{board}");
    pty.keys("q");
    assert!(pty.gives_the_terminal_back().success());
    before.assert_unchanged(&student.stage);
}

/// A quit while a lab hangs waits for no trial.
#[test]
fn a_lab_that_hangs_does_not_keep_the_watch() {
    let Some(student) = Student::new(3) else { return };
    let before = Machine::now();
    student.save(LIB, &with("loop { std::thread::sleep(std::time::Duration::from_secs(1)); }"));
    let mut pty = Pty::start(student.watch(&["lab1"]), 100, 110);
    pty.shows("grading: ");
    pty.keys("q");
    assert!(pty.gives_the_terminal_back().success());
    before.assert_unchanged_soon(&student.stage);
}
