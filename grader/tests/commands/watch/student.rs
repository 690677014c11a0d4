//! A student's workspace, and saves in it.

use super::pty::Pty;
use crate::common::stage::{Stage, Who, skip};
use crate::common::way::source;
use nix::unistd::geteuid;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::OnceLock;

/// The source file of lab 1.
pub const LIB: &str = "lab1-namespaces/src/lib.rs";

/// A student: a place to run graders in, and a workspace there.
pub struct Student {
    pub stage: Stage,
    pub root: PathBuf,
}

impl Student {
    /// A student who has written the first `written` steps. None, and a line that says why, where this machine lacks
    /// something.
    pub fn new(written: usize) -> Option<Student> {
        let warm = warm()?;
        // Who has cargo here: whoever runs the tests.
        let stage = Stage::new(if geteuid().is_root() { Who::Root } else { Who::User })?;
        let root = stage.directory("mine");
        source(written).write(&root).unwrap();
        let copied = Command::new("cp").arg("-a").arg(warm.join("target")).arg(&root).status().unwrap();
        assert!(copied.success());
        Some(Student { stage, root })
    }

    /// A watch, with these words besides.
    pub fn watch(&self, words: &[&str]) -> Command {
        self.grader(&[&["watch"], words].concat())
    }

    /// A grader in the workspace, which it builds.
    pub fn grader(&self, words: &[&str]) -> Command {
        let mut grader = self.stage.grader(words);
        grader.current_dir(&self.root);
        cargo_settings(&mut grader);
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

/// A workspace in which the crates that the labs use are built, once for all tests.
fn warm() -> Option<&'static Path> {
    static WARM: OnceLock<Option<PathBuf>> = OnceLock::new();
    let build = || {
        if Command::new("cargo").arg("--version").output().is_err() {
            skip("needs cargo");
            return None;
        }
        let root = Path::new(env!("CARGO_TARGET_TMPDIR")).join("watch");
        let _ = fs::remove_dir_all(&root);
        source(0).write(&root).unwrap();
        let mut cargo = Command::new("cargo");
        cargo.args(["build", "--quiet", "--package", "common"]).current_dir(&root);
        cargo_settings(&mut cargo);
        assert!(cargo.status().unwrap().success());
        Some(root)
    };
    WARM.get_or_init(build).as_deref()
}

/// Each workspace has its own target directory, and no network is needed: the crates were downloaded for the tests.
fn cargo_settings(command: &mut Command) {
    command
        .env_remove("CARGO_TARGET_DIR")
        .env_remove("CARGO_BUILD_TARGET_DIR")
        .env("CARGO_NET_OFFLINE", "true");
}
