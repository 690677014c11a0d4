//! The watch without a board: a line an event, and one a verdict that has changed.

use super::student::{LIB, Student};
use crate::common::machine::{Machine, wait_until};
use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;
use std::io::{BufRead, BufReader, Read, Write};
use std::os::unix::process::ExitStatusExt;
use std::process::{Child, ChildStdin, Command, ExitStatus, Stdio};
use std::sync::mpsc::{self, Receiver};
use std::thread;

use crate::common::stage::PATIENCE;

/// A watch on pipes.
struct Plain {
    child: Child,
    input: Option<ChildStdin>,
    lines: Receiver<String>,
}

impl Plain {
    fn start(mut watch: Command) -> Plain {
        let mut child =
            watch.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
        let (send, lines) = mpsc::channel();
        let output = child.stdout.take().unwrap();
        thread::spawn(move || {
            BufReader::new(output).lines().map_while(Result::ok).try_for_each(|line| send.send(line))
        });
        Plain { input: child.stdin.take(), child, lines }
    }

    /// The lines up to and with the first one that begins so.
    #[track_caller]
    fn until(&self, begin: &str) -> Vec<String> {
        let mut seen: Vec<String> = Vec::new();
        loop {
            match self.lines.recv_timeout(PATIENCE) {
                Ok(line) => seen.push(line),
                Err(error) => panic!("no line begins with {begin:?}: {error}: {seen:#?}"),
            }
            if seen[seen.len() - 1].starts_with(begin) {
                return seen;
            }
        }
    }

    fn line(&mut self, line: &str) {
        writeln!(self.input.as_mut().unwrap(), "{line}").unwrap();
    }

    fn ended(&mut self) -> ExitStatus {
        let mut status = None;
        wait_until("it ends", || {
            status = self.child.try_wait().unwrap();
            status.is_some()
        });
        status.unwrap()
    }
}

impl Drop for Plain {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

#[test]
fn a_line_an_event_and_one_a_verdict_that_has_changed() {
    let Some(student) = Student::new(3) else { return };
    let before = Machine::now();
    let mut watch = Plain::start(student.watch(&["lab1"]));
    let first = watch.until("next: ");
    let has = |lines: &[String], begin: &str| lines.iter().any(|line| line.starts_with(begin));
    for begin in [
        "lab1-namespaces: building",
        "lab1-namespaces: built in",
        "hostname-read: ESCAPED (",
        "mount: BLOCKED (",
    ] {
        assert!(has(&first, begin), "{begin} is missing in {first:#?}");
    }
    student.write_step(4);
    let second = watch.until("next: ");
    assert!(has(&second, "hostname-read: ESCAPED -> BLOCKED ("), "{second:#?}");
    assert!(!has(&second, "mount: "), "{second:#?}");
    assert!(
        second[second.len() - 1].starts_with("next: lab1-namespaces/ipc-namespace: still to be written: "),
        "{second:#?}"
    );
    let whole = student.read(LIB);
    student.save(LIB, &format!("{whole}\nfn broken() -> u8 {{ missing }}\n"));
    let third = watch.until("lab1-namespaces does not compile");
    // No terminal, no colours.
    assert!(
        third.iter().any(|line| line.starts_with("error[E0425]: cannot find value `missing`")),
        "{third:#?}"
    );
    student.save(LIB, &whole);
    let fourth = watch.until("next: ");
    assert!(!has(&fourth, "hostname-read"), "{fourth:#?}");
    watch.line("h");
    watch.until("Hint 1 of 3: ");
    watch.line("t");
    watch.until("What is missing");
    watch.line("q");
    assert!(watch.ended().success());
    before.assert_unchanged(&student.stage);
}

#[test]
fn the_end_of_the_input_ends_it_once_it_has_graded() {
    let Some(student) = Student::new(0) else { return };
    let before = Machine::now();
    let mut watch = Plain::start(student.watch(&["lab1", "--plain"]));
    drop(watch.input.take());
    watch.until("next: lab1-namespaces/mount-namespace");
    assert!(watch.ended().success());
    before.assert_unchanged(&student.stage);
}

#[test]
fn a_signal_ends_it() {
    let Some(student) = Student::new(0) else { return };
    for signal in [Signal::SIGINT, Signal::SIGTERM, Signal::SIGHUP] {
        let before = Machine::now();
        let mut watch = Plain::start(student.watch(&["lab1", "--plain"]));
        watch.until("lab1-namespaces: building");
        kill(Pid::from_raw(watch.child.id() as i32), signal).unwrap();
        let status = watch.ended();
        assert_eq!(status.code(), Some(128 + signal as i32), "{:?}", status.signal());
        before.assert_unchanged(&student.stage);
    }
}

#[test]
fn without_a_name_it_is_the_first_lab_with_a_step_to_be_written() {
    let lab_1 = crate::common::way::steps().iter().filter(|step| step.id.lab == "lab1-namespaces").count();
    for (written, lab) in
        [(0, "lab1-namespaces"), (lab_1, "lab2-mounts"), (crate::common::way::steps().len(), "lab3-pivot")]
    {
        let Some(student) = Student::new(written) else { return };
        let watch = Plain::start(student.watch(&[]));
        assert_eq!(watch.until("").remove(0), format!("{lab}: building"));
    }
}

#[test]
fn two_watches_on_one_workspace() {
    let Some(student) = Student::new(0) else { return };
    let first = Plain::start(student.watch(&["lab1"]));
    first.until("next: ");
    let mut second = Plain::start(student.watch(&["lab2"]));
    assert_eq!(second.ended().code(), Some(2));
    let mut said = String::new();
    second.child.stderr.take().unwrap().read_to_string(&mut said).unwrap();
    assert!(said.contains(&format!("another watch runs in {}", student.root.display())), "{said}");
    assert!(said.contains(&format!("process {}", first.child.id())), "{said}");
    // Once the first has ended, also where it was killed, nothing is in the way.
    drop(first);
    let third = Plain::start(student.watch(&["lab1"]));
    third.until("next: ");
}

#[test]
fn what_can_not_be_watched_is_said() {
    let Some(student) = Student::new(0) else { return };
    let refused = |words: &[&str], said: &str| {
        let ran = student.stage.run(student.watch(words));
        ran.assert().code(2).stderr(predicates::str::contains(said));
    };
    refused(&["lab9"], "lab9: no such lab; there are lab0-chroot");
    std::fs::remove_dir_all(student.root.join("lab3-pivot")).unwrap();
    refused(&["lab3"], "has no lab3-pivot");
    let mut elsewhere = student.watch(&[]);
    elsewhere.current_dir(student.stage.path(""));
    student.stage.run(elsewhere).assert().code(2).stderr(predicates::str::contains("grader starter DIR"));
}
