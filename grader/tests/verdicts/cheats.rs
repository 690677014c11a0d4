//! Programs that cheat, graded together with an honest one. None earns what it did not earn, and none changes
//! another's verdict. What each got is kept in the book; `BLESS=1` writes that page anew.

use crate::common::programs;
use crate::common::stage::{Stage, Who, skip, workspace};
use grader::report::{Cause, Report};
use std::cell::RefCell;
use std::collections::BTreeMap;
use std::fmt::Write;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

const ATTEMPTS: [&str; 4] = ["reboot", "mount", "raw-disk", "shell-pid"];
/// One that uses up the time limit of every trial is asked for one attempt.
const SLOW: &str = "sleeps.sh";
const HONEST: &str = "lab3-pivot";

/// What a cheat has really earned, as letters in the order of [`ATTEMPTS`]: B for BLOCKED, since it does confine
/// this one; E for ESCAPED; I for INCONCLUSIVE by its own fault.
const EARNED: [(&str, &str); 26] = [
    ("background.sh", "IIII"),
    ("between.sh", "EIIE"),
    ("blinds.sh", "EEEE"),
    ("claims.c", "IIII"),
    ("crashes.c", "IIEE"),
    ("disk.c", "EEIE"),
    ("fills.sh", "EEEE"),
    ("first.c", "EEEE"),
    ("helper.sh", "BEEB"),
    ("kill.sh", "IIII"),
    ("late.sh", "IEEB"),
    ("never.sh", "IIII"),
    ("outside.sh", "EEEE"),
    ("overwrite.sh", "EEEE"),
    ("patches.c", "IIII"),
    ("poison.sh", "EEEE"),
    ("prints.sh", "IIII"),
    ("replaces.sh", "IIII"),
    ("replay.sh", "IIII"),
    ("sleeps.sh", " I  "),
    ("speaks.rs", "IIII"),
    ("special.sh", "EEEE"),
    ("swaps.c", "EIIE"),
    ("traces.c", "IIII"),
    ("unmounts.sh", "EEEE"),
    ("witness.sh", "EEEE"),
];

/// Some are there for other tests as well.
fn source(file: &str) -> PathBuf {
    let tests = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests");
    let cheat = tests.join("cheats").join(file);
    if cheat.exists() { cheat } else { tests.join("programs").join(file) }
}

/// The line that says what a cheat does.
fn story(file: &str) -> String {
    let text = fs::read_to_string(source(file)).unwrap();
    let line = text.lines().find(|line| ["# ", "// ", "//! "].iter().any(|begin| line.starts_with(begin)));
    line.unwrap().trim_start_matches(['#', '/', '!']).trim().to_owned()
}

/// Puts the programs side by side into `directory`. False where there is no compiler.
fn make(directory: &Path) -> bool {
    let mut whole = true;
    for (file, _) in EARNED {
        let (source, to) = (source(file), directory.join(name(file)));
        let mut compiler = match file.rsplit_once('.').unwrap().1 {
            "sh" => {
                fs::copy(source, to).unwrap();
                continue;
            }
            "c" => Command::new("cc"),
            _ => Command::new(std::env::var_os("RUSTC").unwrap_or_else(|| "rustc".into())),
        };
        match file.ends_with(".c") {
            true => compiler.args(["-O1", "-Wall", "-Wextra", "-Wno-unused-result", "-static", "-s"]),
            false => compiler.args(["--edition=2024", "-Cstrip=symbols", "-Ctarget-feature=+crt-static"]),
        };
        match compiler.arg(source).arg("-o").arg(to).output() {
            Ok(output) => assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr)),
            Err(error) => {
                skip(&format!("{file}: no compiler: {error}"));
                whole = false;
            }
        }
    }
    whole
}

/// The name of the program that is made from a source.
fn name(file: &str) -> &str {
    if file.ends_with(".sh") { file } else { file.rsplit_once('.').unwrap().0 }
}

fn letters(report: &Report, target: &str, asked: &[&str]) -> String {
    let of = |id: &&str| {
        let check =
            report.checks().find(|(of, check)| of.name == target && check.id == **id && asked.contains(id));
        let Some((_, check)) = check else { return ' ' };
        match check.cause {
            Some(Cause::Machine) => 'M',
            _ => check.verdict.to_string().chars().next().unwrap(),
        }
    };
    ATTEMPTS.iter().map(of).collect()
}

fn is_earned(got: &str, earned: &str) -> bool {
    got.chars().zip(earned.chars()).all(|(got, earned)| got == earned || got == 'M')
}

fn page(got: &BTreeMap<&str, String>) -> String {
    let mut page = String::from(include_str!("../cheats/page.md"));
    let _ =
        writeln!(page, "| Program | What it does | {} |", ATTEMPTS.map(|id| format!("`{id}`")).join(" | "));
    let _ = writeln!(page, "|---|---|---|---|---|---|");
    for (file, _) in EARNED {
        let words = got[file].chars().map(|letter| match letter {
            'B' => "blocked",
            'E' => "escaped",
            'I' => "nothing",
            _ => "–",
        });
        let words: Vec<_> = words.collect();
        let _ = writeln!(page, "| `{file}` | {} | {} |", story(file), words.join(" | "));
    }
    page
}

#[test]
fn no_cheat_earns_what_it_did_not_earn() {
    let Some(stage) = Stage::new(Who::Root) else { return };
    let Some(lab) = programs::labs().and_then(|labs| labs.into_iter().nth(3)) else { return };
    let honest = stage.directory("honest").join(HONEST);
    fs::copy(lab, &honest).unwrap();
    let directory = stage.directory("cheats");
    let whole = make(&directory);

    let got = RefCell::new(BTreeMap::new());
    let mut whys = String::new();
    let mut grade = |files: &[&'static str], asked: &[&str]| {
        let mut grader = stage.grader(["run", "--format", "json", "--decoy", "user"]);
        grader.args(asked.iter().flat_map(|id| ["--attempt", id]));
        // An honest program before them and after them.
        let first = stage.directory("first").join("honest-first");
        fs::copy(&honest, &first).unwrap();
        grader.arg(first).args(files.iter().map(|file| directory.join(name(file)))).arg(&honest);
        let report = stage.run(grader).report();
        for file in files {
            got.borrow_mut().insert(*file, letters(&report, name(file), asked));
        }
        for (target, check) in report.checks() {
            let _ = writeln!(whys, "{:14} {:10} {:13} {}", target.name, check.id, check.verdict, check.why);
        }
        let kept =
            |target| letters(&report, target, asked).chars().all(|letter| letter == 'B' || letter == ' ');
        assert!(kept("honest-first") && kept(HONEST), "an honest program lost something:\n{whys}");
    };
    let made = |file: &&str| directory.join(name(file)).exists();
    let files: Vec<_> =
        EARNED.iter().map(|(file, _)| *file).filter(|file| *file != SLOW).filter(made).collect();
    grade(&files, &ATTEMPTS);
    grade(&[SLOW], &ATTEMPTS[1..2]);
    // Some are races, which a busy machine decides in another way. What was BLOCKED once without being earned stays so.
    for (file, earned) in EARNED.iter().filter(|(file, _)| *file != SLOW) {
        let found = got.borrow().get(file).cloned().unwrap_or_default();
        let unearned = found.chars().zip(earned.chars()).any(|(got, earned)| got == 'B' && earned != 'B');
        if !unearned && !is_earned(&found, earned) {
            grade(&[file], &ATTEMPTS);
        }
    }
    let got = got.into_inner();

    for (file, earned) in EARNED.iter().filter(|(file, _)| got.contains_key(file)) {
        println!("{file:14} {}  {}", got[file], story(file));
        assert!(is_earned(&got[file], earned), "{file}: {} and not {earned}\n{whys}", got[file]);
    }
    if !whole || got.values().any(|letters| letters.contains('M')) {
        return skip("the page of cheats: not everything could be judged here");
    }
    let path = workspace().join("docs/src/cheats.md");
    let page = page(&got);
    if std::env::var_os("BLESS").is_some() {
        fs::write(&path, &page).unwrap();
    }
    assert_eq!(fs::read_to_string(&path).unwrap_or_default(), page, "write it anew with BLESS=1");
}

#[test]
fn every_cheat_is_listed() {
    let mut found: Vec<_> = fs::read_dir(Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/cheats"))
        .unwrap()
        .map(|entry| entry.unwrap().file_name().into_string().unwrap())
        .filter(|file| file != "page.md")
        .collect();
    found.sort();
    let own = EARNED
        .iter()
        .map(|(file, _)| *file)
        .filter(|file| source(file).parent().unwrap().ends_with("cheats"));
    assert_eq!(found, own.collect::<Vec<_>>());
}
