//! A build that never ends, of build scripts that hear nothing and have gone away: it ends with the grader, however that
//! ends, and nothing of it is left.

use crate::common::machine::{Machine, wait_until};
use crate::common::stage::{PATIENCE, Stage, Who, skip};
use crate::common::warm;
use grader::student::starter;
use nix::sys::signal::{Signal, kill};
use nix::unistd::{Pid, geteuid};
use rstest::rstest;
use std::fs;
use std::os::unix::process::ExitStatusExt;
use std::path::PathBuf;
use std::process::{Child, Command, ExitStatus, Stdio};
use std::thread;
use std::time::{Duration, Instant};

/// In the environment of a grader and of all that it starts.
const MARK: &str = "CONTAINER_LABS_TEST_MARK";

/// A build script that ignores signals and never ends, and two that it has started: one in another session, deaf as well,
/// and one that is nobody's child.
const ENDLESS: &str = r#"
unsafe extern "C" {
    fn signal(number: i32, handler: usize) -> usize;
}
fn main() {
    for number in [1, 2, 15] {
        unsafe { signal(number, 1) };
    }
    let deaf = "trap '' HUP INT TERM; while :; do sleep 1000; done";
    // Cargo would wait for who holds the script's own streams.
    let deaf = format!("exec >/dev/null 2>&1; {deaf}");
    let _ = std::process::Command::new("setsid").args(["sh", "-c", &deaf]).spawn();
    let _ = std::process::Command::new("setsid").args(["-f", "sh", "-c", &deaf]).status();
    // Until they have let go.
    std::thread::sleep(std::time::Duration::from_millis(200));
    std::fs::write(std::env::var("BEGAN").unwrap(), "").unwrap();
    loop {
        std::thread::sleep(std::time::Duration::from_secs(1000));
    }
}
"#;

/// A student in whose workspace no build ends.
struct Student {
    stage: Stage,
    root: PathBuf,
}

impl Student {
    fn new() -> Option<Student> {
        if Command::new("cargo").arg("--version").output().is_err() {
            skip("needs cargo");
            return None;
        }
        let stage = Stage::new(if geteuid().is_root() { Who::Root } else { Who::User })?;
        let root = stage.directory("mine");
        starter::source().unwrap().write(&root).unwrap();
        assert!(warm::target(&root) && warm::target_of_pack(&stage.cache()));
        // All labs stand on it.
        fs::write(root.join("common/build.rs"), ENDLESS).unwrap();
        Some(Student { stage, root })
    }

    fn grader(&self, words: &[&str]) -> Command {
        let mut grader = self.stage.grader(words);
        grader.current_dir(&self.root).env(MARK, self.stage.word()).env("BEGAN", self.stage.path("began"));
        warm::cargo_settings(&mut grader);
        grader.stdout(Stdio::null()).stderr(Stdio::null());
        grader
    }

    /// The processes that have the mark.
    fn processes(&self) -> Vec<i32> {
        let mark = format!("{MARK}={}", self.stage.word());
        let numbers = fs::read_dir("/proc").unwrap().flatten();
        let numbers = numbers.filter_map(|entry| entry.file_name().to_str()?.parse::<i32>().ok());
        let has_mark = |pid: &i32| {
            let environment = fs::read(format!("/proc/{pid}/environ")).unwrap_or_default();
            environment.split(|byte| *byte == 0).any(|part| part == mark.as_bytes())
        };
        numbers.filter(has_mark).collect()
    }
}

impl Drop for Student {
    /// What a grader that is wrong has left, also when the test fails.
    fn drop(&mut self) {
        for pid in self.processes() {
            let _ = kill(Pid::from_raw(pid), Signal::SIGKILL);
        }
    }
}

#[track_caller]
fn wait(grader: &mut Child, patience: Duration) -> ExitStatus {
    let begun = Instant::now();
    loop {
        match grader.try_wait().unwrap() {
            Some(status) => return status,
            None if begun.elapsed() > patience => {
                let _ = grader.kill();
                let _ = grader.wait();
                panic!("the grader did not end");
            }
            None => thread::sleep(Duration::from_millis(2)),
        }
    }
}

#[rstest]
fn a_build_ends_with_its_grader(
    #[values(
        &["run", "lab0", "--decoy", "user"],
        &["try", "mount", "--in", "lab0", "--decoy", "user"],
        &["knockout", "lab0", "--decoy", "user"],
        &["pack"],
        &["watch", "lab0", "--plain"]
    )]
    words: &[&str],
) {
    let Some(student) = Student::new() else { return };
    for signal in [Signal::SIGINT, Signal::SIGTERM, Signal::SIGKILL] {
        let before = Machine::now();
        let began = student.stage.path("began");
        let _ = fs::remove_file(&began);
        // Its input has no end: that would end a watch.
        let mut grader = student.grader(words).stdin(Stdio::piped()).spawn().unwrap();
        wait_until("the build script runs", || began.exists());
        assert!(student.processes().len() > 3, "the grader, cargo, the script and what that has started");
        kill(Pid::from_raw(grader.id() as i32), signal).unwrap();
        let status = wait(&mut grader, Duration::from_secs(20));
        if signal == Signal::SIGKILL {
            wait_until("nothing of the build is left", || student.processes().is_empty());
        } else {
            assert_eq!(status.code(), Some(128 + signal as i32), "{status:?} {:?}", status.signal());
            assert_eq!(student.processes(), [0; 0], "it has ended all of it before itself");
        }
        before.assert_unchanged_soon(&student.stage);
        assert!(fs::read_dir(student.stage.path("tmp")).unwrap().next().is_none());
    }
}

#[test]
fn a_build_that_ends_leaves_nothing_that_a_script_has_started() {
    let Some(student) = Student::new() else { return };
    let ends = ENDLESS.replace("loop {", "if false {");
    fs::write(student.root.join("common/build.rs"), ends).unwrap();
    let before = Machine::now();
    let mut grader =
        student.grader(&["run", "lab0", "--attempt", "mount", "--decoy", "user"]).spawn().unwrap();
    wait(&mut grader, PATIENCE);
    assert!(student.stage.path("began").exists());
    assert_eq!(student.processes(), [0; 0]);
    before.assert_unchanged(&student.stage);
}

#[test]
fn a_second_thread_builds_variants_and_ends_as_well() {
    let Some(student) = Student::new() else { return };
    fs::remove_file(student.root.join("common/build.rs")).unwrap();
    // rustc itself takes for ever over a constant, in the first variant: without a step nobody has built that one yet.
    let library = student.root.join("lab0-chroot/src/lib.rs");
    let text = fs::read_to_string(&library).unwrap();
    let endless = "#![allow(long_running_const_eval)]\n";
    let slow = "\npub const SLOW: u64 = { let mut n = 0; while n < u64::MAX { n += 1; } n };\n";
    fs::write(&library, format!("{endless}{text}{slow}")).unwrap();
    let mut grader = student.grader(&["knockout", "lab0", "--decoy", "user"]).spawn().unwrap();
    let compiles = |pid: &i32| {
        let line = fs::read(format!("/proc/{pid}/cmdline")).unwrap_or_default();
        String::from_utf8_lossy(&line).contains("--crate-name=lab0_chroot")
    };
    wait_until("rustc runs", || student.processes().iter().any(compiles));
    kill(Pid::from_raw(grader.id() as i32), Signal::SIGINT).unwrap();
    let status = wait(&mut grader, Duration::from_secs(20));
    assert_eq!(status.code(), Some(130));
    assert_eq!(student.processes(), [0; 0]);
}
