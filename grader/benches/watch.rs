//! From the save of a file to the new verdict on the board of `grader watch`, beyond the build's own time.
//!
//! `cargo bench -p grader --bench watch` writes the last step of a lab, and takes it out again, in a workspace that is
//! watched, and in a copy of it that cargo alone builds, in turn. It prints medians, the slowest, and the limit.

#[path = "../tests/common/mod.rs"]
mod common;
#[allow(dead_code, reason = "the tests use more of it")]
#[path = "../tests/commands/watch/pty.rs"]
mod pty;

use common::way::{number, source, steps};
use grader::labs::build::{self, Linked};
use grader::labs::steps::Source;
use grader::labs::{self, Workspace};
use pty::Pty;
use std::fs;
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

/// Saves a lab.
const RUNS: usize = 12;
/// What may pass between a save and the verdict beyond the build, on two cores.
const LIMIT: Duration = Duration::from_secs(1);

fn main() {
    // `cargo test` runs benchmarks with this argument, to see that they start.
    if std::env::args().any(|word| word == "--test") {
        return;
    }
    let (watched, alone) = (tempfile::tempdir().expect("a place"), tempfile::tempdir().expect("a place"));
    println!("on {} cores", std::thread::available_parallelism().map_or(1, usize::from));
    for lab in 1..labs::ALL.len() {
        // The lab with its last step, and without it.
        let last = steps().iter().rposition(|step| number(&step.id) == lab).expect("a lab has steps") + 1;
        let states = [source(last), source(last - 1)];
        for place in [watched.path(), alone.path()] {
            states[0].write(place).expect("the workspace can be written");
            build(place, lab);
        }
        let mut watch = Command::new(env!("CARGO_BIN_EXE_grader"));
        watch.args(["watch", labs::ALL[lab]]).current_dir(watched.path()).env_remove("CARGO_TARGET_DIR");
        let mut board = Pty::start(watch, 100, 120);
        let mut run = shown(&board, 0);
        let (mut saves, mut builds, mut beyond) = (Vec::new(), Vec::new(), Vec::new());
        for turn in 1..=RUNS {
            let state = &states[turn % 2];
            let begun = Instant::now();
            save(state, watched.path());
            run = shown(&board, run);
            let whole = begun.elapsed();
            save(state, alone.path());
            let begun = Instant::now();
            build(alone.path(), lab);
            let built = begun.elapsed();
            saves.push(whole);
            builds.push(built);
            beyond.push(whole.saturating_sub(built));
        }
        board.keys("q");
        board.gives_the_terminal_back();
        let slowest = beyond.iter().max().copied().unwrap_or_default();
        let (saves, builds, beyond) = (median(saves), median(builds), median(beyond));
        println!(
            "{:<16} save to verdict {saves:.3} s, build alone {builds:.3} s, beyond it {beyond:.3} s (slowest {:.3} s): {:.2} of \
             the limit of {} s",
            labs::ALL[lab],
            slowest.as_secs_f64(),
            beyond / LIMIT.as_secs_f64(),
            LIMIT.as_secs()
        );
    }
}

/// Waits until the board shows the verdicts of a later run than `last`, and returns its number.
fn shown(board: &Pty, last: u64) -> u64 {
    let number = |text: &str| {
        let status = text.lines().nth(1)?.strip_prefix("run ")?;
        let (number, rest) = status.split_once(": ")?;
        number.parse().ok().filter(|number| rest.contains("graded in") && *number > last)
    };
    let text = board.wait("another run", |text| number(text).is_some());
    number(&text).expect("it was there")
}

/// Writes the files that differ, as an editor would.
fn save(state: &Source, place: &Path) {
    for (path, text) in state.files() {
        let path = place.join(path);
        if fs::read_to_string(&path).ok().as_deref() != Some(text) {
            fs::write(path, text).expect("the workspace can be written");
        }
    }
}

/// What watch runs, alone.
fn build(place: &Path, lab: usize) {
    let workspace = Workspace::above(place).expect("a workspace");
    let quiet = ["--quiet", "--message-format=json-diagnostic-rendered-ansi"].map(Into::into);
    let mut cargo = build::command(&quiet, &workspace, labs::ALL[lab], Linked::Static).expect("cargo");
    let status =
        cargo.env_remove("CARGO_TARGET_DIR").stdout(Stdio::null()).status().expect("cargo can be run");
    assert!(status.success(), "{} builds", labs::ALL[lab]);
}

/// In seconds.
fn median(mut times: Vec<Duration>) -> f64 {
    times.sort();
    times[times.len() / 2].as_secs_f64()
}
