//! What each rule of the judge is for: without it at least one program gets a BLOCKED that it did not earn, and with it
//! none. The book has the table; `BLESS=1 GRADER_TESTS=all` writes it anew.
//!
//! Not a test of the usual kind: whoever starts the grader's workers must have one thread, and is itself executed as one.

#[path = "common/mod.rs"]
mod common;

use attempts::attempts::Attempt;
use attempts::rules::Rule;
use common::cheats::Cheat;
use grader::report::{Check, DecoyKind, Verdict};
use grader::rootfs::{Cache, Root};
use grader::runner::grading::{Run, controls, grade_all};
use grader::runner::workers::Workers;
use grader::target::Target;
use std::fs;
use std::path::{Path, PathBuf};
use std::time::Duration;

/// What is left out, the program that gets something then, and what. Where another rule covers the first, both are left
/// out.
type Shown = (&'static [Rule], &'static str, &'static [&'static str]);

include!("rules/shown.rs");

/// How often a program that wins a race only at times is graded before it is said to get nothing.
const ROUNDS: usize = 6;

const LIMIT: Duration = Duration::from_secs(4);

fn main() {
    grader::runner::workers::process::serve_if_asked();
    let words: Vec<String> = std::env::args().skip(1).collect();
    // `cargo test` asks which tests there are.
    if words.iter().any(|word| word == "--list") {
        return;
    }
    if !nix::unistd::geteuid().is_root() {
        return println!("skipped: needs root");
    }
    let place = tempfile::Builder::new()
        .permissions(std::os::unix::fs::PermissionsExt::from_mode(0o755))
        .tempdir()
        .unwrap();
    let rootfs = Cache::at(place.path()).embedded(&Root::machine().unwrap()).unwrap().path;
    if let Ok(rules) = std::env::var("EXPLORE") {
        let left_out: Vec<Rule> = Rule::ALL
            .into_iter()
            .filter(|rule| rules.split('+').any(|word| word == format!("{rule:?}")))
            .collect();
        println!("without {left_out:?}");
        let (files, ids): (Vec<_>, Vec<_>) =
            words.iter().filter(|word| !word.starts_with('-')).partition(|word| word.contains('.'));
        let mut judge = Judge::without(&left_out, &rootfs);
        for file in files {
            let cheat = Cheat::of(file);
            let ids: Vec<&str> = match ids.first().map(|word| word.as_str()) {
                Some("all") => attempts::attempts::ALL.iter().map(|it| it.id).collect(),
                None => cheat.about.to_vec(),
                _ => ids.iter().map(|it| it.as_str()).collect(),
            };
            let program = cheat.make(&directory(place.path(), cheat)).unwrap();
            for check in judge.grade(&program, &ids) {
                let unearned = check.verdict == Verdict::Blocked
                    && !cheat.confines(Attempt::find(&check.id).unwrap(), true);
                println!(
                    "{file} {} {} {} {}",
                    if unearned { "UNEARNED" } else { "" },
                    check.id,
                    check.verdict,
                    check.why
                );
            }
        }
        return;
    }
}

fn directory(place: &Path, cheat: &Cheat) -> PathBuf {
    let directory = place.join(cheat.name());
    fs::create_dir_all(&directory).unwrap();
    directory
}

/// A grader without some of its rules.
struct Judge {
    workers: Workers,
}

impl Judge {
    fn without(left_out: &[Rule], rootfs: &Path) -> Judge {
        Judge { workers: Workers::start_without(rootfs, LIMIT, left_out).unwrap() }
    }

    /// What a program gets.
    fn grade(&mut self, program: &Path, ids: &[&str]) -> Vec<Check> {
        let attempts: Vec<_> = ids.iter().map(|id| Attempt::find(id).unwrap()).collect();
        let kind = DecoyKind::User;
        let controls = controls(&attempts, kind, &mut self.workers, &mut |_| {}).unwrap();
        let run = Run { targets: vec![Target::program(program, kind).unwrap()], attempts, works: false };
        grade_all(&[run], &controls, &mut self.workers, &mut |_| {}).unwrap().remove(0).checks
    }
}
