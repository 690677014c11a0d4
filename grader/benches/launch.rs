//! How long a lab takes to start `/bin/true` and to tell how it ended, beside what that costs at least.
//!
//! `cargo bench -p grader --bench launch [-- ROUNDS]`
//!
//! - `floor.c` makes the same system calls in the same order; a lab should take at most [`LIMIT`] times as long.
//! - Lab 3 should be ahead of bubblewrap, where that is installed.
//!
//! Each round starts every program once, so that whatever else the machine does falls on all of them alike. What
//! is compared are medians. A time is never an error: it says more about the machine than about the labs.

use anyhow::{Context, Result, ensure};
use grader::labs::{self, Linked, Workspace};
use std::ffi::{OsStr, OsString};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

/// A lab's time by the floor's.
const LIMIT: f64 = 1.10;

const ROUNDS: usize = 500;

fn main() -> Result<()> {
    let mut words = std::env::args().skip(1).collect::<Vec<_>>();
    // `cargo test --all-targets` runs this program as well, without the word that `cargo bench` adds.
    let Some(bench) = words.iter().position(|word| word == "--bench") else {
        println!("launch: nothing measured; run `cargo bench -p grader --bench launch`");
        return Ok(());
    };
    words.remove(bench);
    let rounds = words.first().map_or(Ok(ROUNDS), |word| word.parse()).context("ROUNDS is a number")?;

    let out = Path::new(env!("CARGO_TARGET_TMPDIR")).join("launch");
    let directory = tempfile::tempdir()?;
    let rootfs = copy_of_the_embedded_rootfs(directory.path())?;
    let programs = programs(&out, &rootfs)?;
    let medians = medians(&programs, rounds)?;
    print(&programs, &medians, rounds);
    Ok(())
}

/// What is measured.
struct Program {
    name: Name,
    words: Vec<OsString>,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Name {
    Lab(usize),
    /// The same system calls, in C.
    Floor(usize),
    Bubblewrap,
}

/// The embedded rootfs is not to be written in; lab 0 and its floor could.
fn copy_of_the_embedded_rootfs(directory: &Path) -> Result<PathBuf> {
    let rootfs = directory.join("rootfs");
    let embedded = grader::rootfs::embedded()?.path;
    let copied = Command::new("cp").arg("-a").args([&embedded, &rootfs]).status()?;
    ensure!(copied.success(), "can't copy {}", embedded.display());
    Ok(rootfs)
}

/// Every program that can be measured here; a line on standard output says which can't.
fn programs(out: &Path, rootfs: &Path) -> Result<Vec<Program>> {
    let command = |program: &OsStr, words: &[&str]| -> Vec<OsString> {
        let words = words.iter().map(OsString::from);
        [program.into()].into_iter().chain(words).chain([rootfs.into(), "/bin/true".into()]).collect()
    };

    let workspace = Workspace::find().context("the benchmark measures the labs of a workspace")?;
    let built = labs::build_with(&["--release"], &workspace, &labs::ALL, out)?;
    if built.iter().any(|lab| lab.linked == Linked::Dynamic) {
        println!("the labs don't link statically here, and take longer for it");
    }
    let lab = |(number, lab): (usize, &labs::Built)| Program {
        name: Name::Lab(number),
        words: command(lab.program.as_os_str(), &["--quiet"]),
    };
    let mut programs: Vec<Program> = built.iter().enumerate().map(lab).collect();

    match compile_floor(out) {
        Ok(floor) => programs.extend((0..labs::ALL.len()).map(|number| Program {
            name: Name::Floor(number),
            words: command(floor.as_os_str(), &[&number.to_string()]),
        })),
        Err(reason) => println!("no floor to compare with: {reason:#}"),
    }

    let bubblewrap = Program { name: Name::Bubblewrap, words: bubblewrap(rootfs) };
    match run(&bubblewrap) {
        Ok(_) => programs.push(bubblewrap),
        Err(reason) => println!("no bubblewrap to compare with: {reason:#}"),
    }
    Ok(programs)
}

/// Compiles `floor.c` with the machine's C compiler.
fn compile_floor(out: &Path) -> Result<PathBuf> {
    let source = Path::new(env!("CARGO_MANIFEST_DIR")).join("benches/floor.c");
    let floor = out.join("floor");
    let compiler = std::env::var_os("CC").unwrap_or("cc".into());
    let compiled = Command::new(&compiler).args(["-O2", "-static", "-o"]).args([&floor, &source]).status();
    let compiled = compiled.with_context(|| format!("no C compiler ({})", compiler.display()))?;
    ensure!(compiled.success(), "{} can't be compiled statically", source.display());
    Ok(floor)
}

/// bubblewrap with what lab 3 does, as far as it has options for that.
fn bubblewrap(rootfs: &Path) -> Vec<OsString> {
    let before =
        ["bwrap", "--unshare-all", "--hostname", "container", "--new-session", "--clearenv", "--bind"];
    let after = "/ --proc /proc --ro-bind /sys /sys --dev /dev --tmpfs /tmp --tmpfs /run /bin/true";
    let words = before.into_iter().map(OsString::from).chain([rootfs.into()]);
    words.chain(after.split(' ').map(OsString::from)).collect()
}

/// How long the program takes, from its start to its end.
fn run(program: &Program) -> Result<Duration> {
    let name = program.words[0].display();
    let mut command = Command::new(&program.words[0]);
    command.args(&program.words[1..]).stdin(Stdio::null()).stdout(Stdio::null());
    let begin = Instant::now();
    let status = command.status().with_context(|| format!("can't run {name}"))?;
    let time = begin.elapsed();
    ensure!(status.success(), "{name} does not work here: {status}");
    Ok(time)
}

/// The median time of each program.
fn medians(programs: &[Program], rounds: usize) -> Result<Vec<Duration>> {
    ensure!(rounds > 0, "ROUNDS is at least 1");
    let mut times = vec![Vec::with_capacity(rounds); programs.len()];
    for round in 0..rounds {
        // Each program comes first as often as any other.
        for place in 0..programs.len() {
            let number = (round + place) % programs.len();
            times[number].push(run(&programs[number])?);
        }
    }
    let median = |mut times: Vec<Duration>| {
        times.sort_unstable();
        times[times.len() / 2]
    };
    Ok(times.into_iter().map(median).collect())
}

fn print(programs: &[Program], medians: &[Duration], rounds: usize) {
    let median = |name| {
        let number = programs.iter().position(|program| program.name == name)?;
        Some(medians[number].as_secs_f64() * 1e6)
    };
    println!("\nstarting /bin/true, medians of {rounds} runs\n");
    println!("{:<16} {:>8} {:>9} {:>6} {:>6}", "lab", "µs", "floor µs", "ratio", "limit");
    for (number, lab) in labs::ALL.iter().enumerate() {
        let ours = median(Name::Lab(number)).expect("every lab is measured");
        let Some(floor) = median(Name::Floor(number)) else {
            println!("{lab:<16} {ours:>8.0} {:>9} {:>6} {LIMIT:>6.2}", "-", "-");
            continue;
        };
        let ratio = ours / floor;
        let over = if ratio > LIMIT { "  over" } else { "" };
        println!("{lab:<16} {ours:>8.0} {floor:>9.0} {ratio:>6.2} {LIMIT:>6.2}{over}");
    }
    let last = labs::ALL.len() - 1;
    if let (Some(ours), Some(theirs)) = (median(Name::Lab(last)), median(Name::Bubblewrap)) {
        let behind = if theirs < ours { "  behind it" } else { "" };
        println!("\nbubblewrap: {theirs:.0} µs, {:.2} times {}{behind}", theirs / ours, labs::ALL[last]);
    }
}
