//! A student's workspace, and saves in it.

use super::pty::Pty;
use crate::common::stage::{Stage, Who};
use crate::common::warm;
use crate::common::way::source;
use nix::unistd::geteuid;
use std::fs;
use std::path::PathBuf;
use std::process::Command;

/// The source file of lab 1.
pub const LIB: &str = "lab1-namespaces/src/lib.rs";

/// What most watches are asked for: an attempt of each of the first steps of lab 1, and one that lab 0 blocks. All that
/// lab 1 is asked for would take ten times as long, after each save.
const CHECKS: [&str; 4] = ["mount", "hostname-read", "sysv-shm", "cwd-outside-root"];

/// A student: a place to run graders in, and a workspace there.
pub struct Student {
    pub stage: Stage,
    pub root: PathBuf,
}

impl Student {
    /// A student who has written the first `written` steps. None, and a line that says why, where this machine lacks
    /// something.
    pub fn new(written: usize) -> Option<Student> {
        // Who has cargo here: whoever runs the tests.
        let stage = Stage::new(if geteuid().is_root() { Who::Root } else { Who::User })?;
        let root = stage.directory("mine");
        source(written).write(&root).unwrap();
        warm::target(&root).then_some(Student { stage, root })
    }

    /// A watch of a few checks, with these words besides.
    pub fn watch(&self, words: &[&str]) -> Command {
        let mut grader = self.grader(&[&["watch"], words].concat());
        grader.args(CHECKS.iter().flat_map(|id| ["--check", id]));
        grader
    }

    /// A grader in the workspace, which it builds.
    pub fn grader(&self, words: &[&str]) -> Command {
        let mut grader = self.stage.grader(words);
        grader.current_dir(&self.root);
        warm::cargo_settings(&mut grader);
        grader
    }

    /// A watch of lab 1 on a terminal, on which all its checks have room, once it has graded.
    pub fn board(&self, words: &[&str]) -> Pty {
        let pty = Pty::start(self.watch(&[&["lab1"], words].concat()), 100, 110);
        pty.shows("graded in");
        pty
    }

    /// Reads a file of the workspace.
    pub fn read(&self, file: &str) -> String {
        fs::read_to_string(self.root.join(file)).unwrap()
    }

    /// Saves one.
    pub fn save(&self, file: &str, text: &str) {
        fs::write(self.root.join(file), text).unwrap();
    }

    /// Saves what changes from the way's point before: the step of this number, counted from 1, is written.
    pub fn write_step(&self, number: usize) {
        let (before, after) = (source(number - 1), source(number));
        for (path, text) in after.files().filter(|(path, text)| before.file(path) != Some(text)) {
            fs::write(self.root.join(path), text).unwrap();
        }
    }
}
