//! `grader knockout` as a person runs it.
//!
//! # Layout
//! - [`score`]: some steps of each lab lose what `steps.toml` says, and a step that does not is a failure.
//! - [`outside`]: outside of any workspace, on the sources that the grader carries; a second time; on a terminal.
//! - [`sudo`]: under sudo, nothing of a person's becomes root's.
//! - [`markers`]: on sources whose markers are broken.

mod markers;
mod outside;
mod score;
mod sudo;

use crate::common::stage::{Stage, Who, skip};
use grader::labs::Workspace;
use nix::unistd::geteuid;
use std::fs;
use std::path::PathBuf;
use std::process::Command;

/// Whoever runs the tests, with cargo.
fn stage() -> Option<Stage> {
    if Command::new("cargo").arg("--version").output().is_err() {
        skip("needs cargo");
        return None;
    }
    Stage::new(if geteuid().is_root() { Who::Root } else { Who::User })
}

/// The labs in a workspace of their own, with one part of lab 1 changed. The line where that stood.
fn changed(stage: &Stage, from: &str, to: &str) -> (PathBuf, usize) {
    let place = stage.directory("labs");
    Workspace::alone().unwrap().write(&place).unwrap();
    let library = place.join("lab1-namespaces/src/lib.rs");
    let text = fs::read_to_string(&library).unwrap();
    let line = text[..text.find(from).expect(from)].matches('\n').count() + 1;
    fs::write(&library, text.replacen(from, to, 1)).unwrap();
    (place, line)
}
