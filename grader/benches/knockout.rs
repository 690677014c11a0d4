//! How long all knock-outs of all labs take, with an empty cache and with a full one.
//!
//! `cargo bench -p grader --bench knockout` prints medians, the limits, and the ratio to a yardstick of the same
//! run: `grader run` of all labs.

use std::path::Path;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

/// Runs of each, in turn.
const RUNS: usize = 3;
/// What they may take on two cores with an empty cache, and with one that holds every variant.
const LIMITS: [Duration; 2] = [Duration::from_secs(60), Duration::from_secs(15)];

fn main() {
    // `cargo test` runs benchmarks with this argument, to see that they start.
    if std::env::args().any(|word| word == "--test") {
        return;
    }
    let (mut cold, mut warm, mut full) = (Vec::new(), Vec::new(), Vec::new());
    for _ in 0..RUNS {
        let cache = tempfile::tempdir().expect("a temporary directory");
        cold.push(timed(cache.path(), "knockout"));
        warm.push(timed(cache.path(), "knockout"));
        full.push(timed(cache.path(), "run"));
    }
    let full = median(full);
    for (name, times, limit) in [("empty cache", cold, LIMITS[0]), ("full cache", warm, LIMITS[1])] {
        let (time, limit) = (median(times), limit.as_secs_f64());
        println!(
            "knock-outs, {name:<12} {time:>6.2} s, {:.2} of the limit of {limit} s, {:.1} full runs",
            time / limit,
            time / full
        );
    }
    println!("full run {full:.2} s");
}

/// How long a command takes. It has to succeed: a knock-out that is not noticed is no measurement.
fn timed(cache: &Path, word: &str) -> Duration {
    let workspace = Path::new(env!("CARGO_MANIFEST_DIR")).parent().expect("the grader lies in a workspace");
    let mut grader = Command::new(env!("CARGO_BIN_EXE_grader"));
    grader.arg(word).current_dir(workspace).env("XDG_CACHE_HOME", cache);
    grader.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
    let begun = Instant::now();
    let status = grader.status().expect("the grader can be run");
    let time = begun.elapsed();
    assert!(status.success(), "grader {word}: {status}");
    time
}

/// In seconds.
fn median(mut times: Vec<Duration>) -> f64 {
    times.sort();
    times[times.len() / 2].as_secs_f64()
}
