//! How long a lab takes to start `/bin/true` and to tell how it ended, beside what that costs at least.
//!
//! `cargo bench -p grader --bench launch [-- ROUNDS]`
//!
//! - `floor.c` makes the same system calls in the same order; a lab should take at most [`LIMIT`] times as long.
//! - Lab 3 should be ahead of bubblewrap, where that is installed.
//!
//! Two programs that are compared take turns, so that whatever else the machine does falls on both alike: also
//! what the kernel still has to clear away after the one before. What is compared are medians. A time is never an
//! error: it says more about the machine than about the labs.

use anyhow::{Context, Result, ensure};
use grader::labs::{self, Linked, Workspace};
use std::ffi::OsString;
use std::fs;
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
    ensure!(rounds > 0, "ROUNDS is at least 1");

    let out = Path::new(env!("CARGO_TARGET_TMPDIR")).join("launch");
    let directory = tempfile::tempdir()?;
    let rootfs = copy_of_the_embedded_rootfs(directory.path())?;
    let labs = build_labs(&out)?;
    let floor =
        compile_floor(&out).inspect_err(|reason| println!("no floor to compare with: {reason:#}")).ok();

    println!("\nstarting /bin/true, medians of {rounds} runs\n");
    println!("{:<16} {:>8} {:>9} {:>6} {:>6}", "lab", "µs", "floor µs", "ratio", "limit");
    for (number, (name, lab)) in labs::ALL.iter().zip(&labs).enumerate() {
        let lab = start(lab, &["--quiet"], &rootfs);
        let Some(floor) = &floor else {
            let [lab, _] = medians([&lab, &lab], rounds)?;
            println!("{name:<16} {:>8.0} {:>9} {:>6} {LIMIT:>6.2}", micros(lab), "-", "-");
            continue;
        };
        let [lab, floor] = medians([&lab, &start(floor, &[&number.to_string()], &rootfs)], rounds)?;
        let ratio = micros(lab) / micros(floor);
        let over = if ratio > LIMIT { "  over" } else { "" };
        println!("{name:<16} {:>8.0} {:>9.0} {ratio:>6.2} {LIMIT:>6.2}{over}", micros(lab), micros(floor));
    }

    let (name, lab) = (labs::ALL[3], start(&labs[3], &["--quiet"], &rootfs));
    match medians([&lab, &bubblewrap(&rootfs)], rounds) {
        Ok([ours, theirs]) => {
            let ratio = micros(theirs) / micros(ours);
            let behind = if ratio < 1.0 { "  behind it" } else { "" };
            println!("\nbubblewrap: {:.0} µs, {ratio:.2} times {name}{behind}", micros(theirs));
        }
        Err(reason) => println!("\nno bubblewrap to compare with: {reason:#}"),
    }
    Ok(())
}

/// A program and its arguments.
type Words = Vec<OsString>;

/// Nobody may write in the embedded rootfs, and in lab 0 a command could.
fn copy_of_the_embedded_rootfs(directory: &Path) -> Result<PathBuf> {
    let rootfs = directory.join("rootfs");
    let embedded = grader::rootfs::embedded()?.path;
    let copied = Command::new("cp").arg("-a").args([&embedded, &rootfs]).status()?;
    ensure!(copied.success(), "can't copy {}", embedded.display());
    Ok(rootfs)
}

/// The labs' programs, in their order.
fn build_labs(out: &Path) -> Result<Vec<PathBuf>> {
    let workspace = Workspace::find().context("the benchmark measures the labs of a workspace")?;
    let built = labs::build_with(&["--release"], &workspace, &labs::ALL, &out.join("built"))?;
    if built.iter().any(|lab| lab.linked == Linked::Dynamic) {
        println!("the labs don't link statically here, and take longer for it");
    }
    built.iter().map(|lab| as_installed(&lab.program, &out.join(&lab.name))).collect()
}

/// Copies a program. A linker may write its file through a mapping, page by page; the kernel then keeps it in
/// single pages, and starts it 6 % more slowly than the same bytes written in a row, as an installer does.
fn as_installed(built: &Path, program: &Path) -> Result<PathBuf> {
    fs::copy(built, program).with_context(|| format!("can't write {}", program.display()))?;
    Ok(program.to_owned())
}

/// Compiles `floor.c` with the machine's C compiler.
fn compile_floor(out: &Path) -> Result<PathBuf> {
    let source = Path::new(env!("CARGO_MANIFEST_DIR")).join("benches/floor.c");
    let (built, floor) = (out.join("built/floor"), out.join("floor"));
    let compiler = std::env::var_os("CC").unwrap_or("cc".into());
    let compiled = Command::new(&compiler).args(["-O2", "-static", "-o"]).args([&built, &source]).status();
    let compiled = compiled.with_context(|| format!("no C compiler ({})", compiler.display()))?;
    ensure!(compiled.success(), "{} can't be compiled statically", source.display());
    as_installed(&built, &floor)
}

/// `/bin/true` in a container: `program options... rootfs /bin/true`.
fn start(program: &Path, options: &[&str], rootfs: &Path) -> Words {
    let options = options.iter().map(OsString::from);
    [program.into()].into_iter().chain(options).chain([rootfs.into(), "/bin/true".into()]).collect()
}

/// bubblewrap with what lab 3 does, as far as it has options for that.
fn bubblewrap(rootfs: &Path) -> Words {
    let before =
        ["bwrap", "--unshare-all", "--hostname", "container", "--new-session", "--clearenv", "--bind"];
    let after = "/ --proc /proc --ro-bind /sys /sys --dev /dev --tmpfs /tmp --tmpfs /run /bin/true";
    let words = before.into_iter().map(OsString::from).chain([rootfs.into()]);
    words.chain(after.split(' ').map(OsString::from)).collect()
}

/// The median times of two programs that take turns.
fn medians(programs: [&Words; 2], rounds: usize) -> Result<[Duration; 2]> {
    let mut times = [Vec::with_capacity(rounds), Vec::with_capacity(rounds)];
    for _ in 0..rounds {
        for (words, times) in programs.iter().zip(&mut times) {
            times.push(run(words)?);
        }
    }
    Ok(times.map(|mut times| {
        times.sort_unstable();
        times[rounds / 2]
    }))
}

/// How long a program takes, from its start to its end.
fn run(words: &Words) -> Result<Duration> {
    let name = words[0].display();
    let mut command = Command::new(&words[0]);
    command.args(&words[1..]).stdin(Stdio::null()).stdout(Stdio::null());
    // Cargo sets variables that the loader in the container would look at.
    command.env_clear().env("PATH", std::env::var_os("PATH").unwrap_or_default());
    let begin = Instant::now();
    let status = command.status().with_context(|| format!("can't run {name}"))?;
    let time = begin.elapsed();
    ensure!(status.success(), "{name} does not work here: {status}");
    Ok(time)
}

fn micros(time: Duration) -> f64 {
    time.as_secs_f64() * 1e6
}
