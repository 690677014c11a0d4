//! How long a run takes: all labs under the article's four attempts, and under the whole catalogue with all works
//! checks; and the last lab alone under all of them. The positive controls are part of each.
//!
//! `cargo bench -p grader --bench matrix` prints medians, the limits, and the ratio to a yardstick of the same
//! run: as many plain starts of the last lab, one after the other, as the full run has trials.

use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

/// Runs of each, in turn.
const RUNS: usize = 7;
/// What the four attempts may take on two cores, what one lab may, and what a full run may.
const LIMITS: [Duration; 3] = [Duration::from_secs(2), Duration::from_millis(1500), Duration::from_secs(4)];
/// The article's.
const FOUR: [&str; 9] =
    ["run", "--attempt", "reboot", "--attempt", "mount", "--attempt", "raw-disk", "--attempt", "shell-pid"];

fn main() {
    // `cargo test` runs benchmarks with this argument, to see that they start.
    if std::env::args().any(|word| word == "--test") {
        return;
    }
    let grader = env!("CARGO_BIN_EXE_grader");
    let workspace = Path::new(env!("CARGO_MANIFEST_DIR")).parent().expect("the grader lies in a workspace");
    let labs = grader::labs::Workspace::above(workspace).expect("a workspace");
    let out = Path::new(env!("CARGO_TARGET_TMPDIR")).join("bench-matrix");
    let last = grader::labs::ALL.last().expect("there are labs");
    let built = grader::labs::build(&labs, &[last], &out).expect("the lab builds");
    let rootfs = grader::rootfs::embedded().expect("a root file system").path;
    let report = run(Command::new(grader).args(["run", "--format", "json"]).current_dir(workspace));
    let report: serde_json::Value = serde_json::from_slice(&report).expect("a report");
    let trials = trials(&report);

    let (mut four, mut one, mut full, mut plain) = (Vec::new(), Vec::new(), Vec::new(), Vec::new());
    for _ in 0..RUNS {
        four.push(timed(|| drop(run(Command::new(grader).args(FOUR).current_dir(workspace)))));
        one.push(timed(|| drop(run(Command::new(grader).args(["run", last]).current_dir(workspace)))));
        full.push(timed(|| drop(run(Command::new(grader).current_dir(workspace)))));
        plain.push(timed(|| (0..trials).for_each(|_| launch(&built[0].program, &rootfs))));
    }
    let (four, one, full, plain) = (median(four), median(one), median(full), median(plain));
    println!("{trials} trials on {} cores", std::thread::available_parallelism().map_or(1, usize::from));
    for (name, time, limit) in
        [("four attempts", four, LIMITS[0]), (last, one, LIMITS[1]), ("full run", full, LIMITS[2])]
    {
        let (time, limit) = (time.as_secs_f64(), limit.as_secs_f64());
        println!("{name:<16} {time:>7.3} s, {:.2} of the limit of {limit} s", time / limit);
    }
    println!("as many plain starts of {last}: {:.3} s", plain.as_secs_f64());
    println!("full run to plain starts: {:.2}", full.as_secs_f64() / plain.as_secs_f64());
}

/// Trials of a run: a control an attempt, an attempt a target, and the two starts of the works checks a target.
fn trials(report: &serde_json::Value) -> usize {
    let targets = report["targets"].as_array().expect("targets");
    let attempts = |target: &serde_json::Value| {
        let checks = target["checks"].as_array().expect("checks");
        checks.iter().filter(|check| check["kind"] == "attempt").count()
    };
    targets.iter().map(attempts).sum::<usize>() + targets.first().map_or(0, attempts) + 2 * targets.len()
}

fn launch(program: &PathBuf, rootfs: &Path) {
    run(Command::new(program).arg("--quiet").arg(rootfs).arg("/bin/true"));
}

fn run(command: &mut Command) -> Vec<u8> {
    command.stdin(Stdio::null()).stderr(Stdio::null()).output().expect("it can be run").stdout
}

fn timed(work: impl FnOnce()) -> Duration {
    let begun = Instant::now();
    work();
    begun.elapsed()
}

fn median(mut times: Vec<Duration>) -> Duration {
    times.sort();
    times[times.len() / 2]
}
