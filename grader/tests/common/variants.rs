//! The labs without some of their steps, built once for all tests and kept from one run to the next.

use super::stage::{skip, workspace};
use grader::labs::steps::Source;
use grader::labs::variant::Workshop;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::OnceLock;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;

/// Where they are built. None, and a line that says why, where they can't be.
pub fn workshop() -> Option<&'static Workshop> {
    static WORKSHOP: OnceLock<Option<Workshop>> = OnceLock::new();
    WORKSHOP.get_or_init(open).as_ref()
}

fn open() -> Option<Workshop> {
    if Command::new("cargo").arg("--version").output().is_err() {
        skip("needs cargo");
        return None;
    }
    let cache = Path::new(env!("CARGO_TARGET_TMPDIR")).join("variants");
    let made_of = cache.join("made-of");
    let now: String =
        Source::read(workspace()).unwrap().files().map(|(path, text)| format!("{path:?}\n{text}")).collect();
    // What was made of other sources would never be looked for again.
    if fs::read_to_string(&made_of).ok().as_ref() != Some(&now) {
        let _ = fs::remove_dir_all(&cache);
        fs::create_dir_all(&cache).unwrap();
        fs::write(made_of, now).unwrap();
    }
    Some(Workshop::open(workspace(), &cache).unwrap())
}

/// Builds the lab of each of these sources, as many at once as there are processors.
pub fn build<T: Sync>(all: &[T], of: impl Fn(&T) -> (Source, &'static str) + Sync) -> Option<Vec<PathBuf>> {
    let workshop = workshop()?;
    let next = AtomicUsize::new(0);
    let work = || {
        let mut made = Vec::new();
        while let Some((number, (source, lab))) = take(&next, all, &of) {
            made.push((number, workshop.build(&source, lab).unwrap()));
        }
        made
    };
    let mut made: Vec<(usize, PathBuf)> = thread::scope(|scope| {
        let processors = thread::available_parallelism().map_or(2, usize::from);
        let threads: Vec<_> = (0..processors).map(|_| scope.spawn(work)).collect();
        threads.into_iter().flat_map(|thread| thread.join().unwrap()).collect()
    });
    made.sort();
    Some(made.into_iter().map(|(_, program)| program).collect())
}

fn take<T, R>(next: &AtomicUsize, all: &[T], of: &impl Fn(&T) -> R) -> Option<(usize, R)> {
    let number = next.fetch_add(1, Ordering::Relaxed);
    all.get(number).map(|it| (number, of(it)))
}
