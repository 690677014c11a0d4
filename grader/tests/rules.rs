//! What each rule of the judge is for: without it at least one program gets a BLOCKED that it did not earn, and with it
//! none. The book has the table; `BLESS=1` writes it anew.
//!
//! Not a test of the usual kind: whoever starts the grader's workers must have one thread, and is itself executed as one.

#[path = "common/mod.rs"]
mod common;

use attempts::attempts::Attempt;
use attempts::rules::Rule;
use common::cheats::{CHEATS, Cheat, WHOLE, directory};
use common::stage::workspace;
use grader::report::{Cause, DecoyKind, Verdict};
use grader::rootfs::{Cache, Root};
use grader::runner::grading::{Run, controls, grade_all};
use grader::runner::workers::Workers;
use grader::target::Target;
use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write;
use std::fs::{self, Permissions};
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::time::Duration;

/// What is left out, the program that gets something then, and what. Where another rule covers the first, both are left
/// out.
#[rustfmt::skip]
const SHOWN: &[(&[Rule], &str, &[&str])] = &[
    (&[Rule::Heard], "silent.sh", WHOLE),
    (&[Rule::EachAsked], "twin.sh", WHOLE),
    (&[Rule::WorstCounts], "twin.sh", WHOLE),
    (&[Rule::Pointers, Rule::OwnFirst], "rewrites.c", &["raw-disk", "rootfs-device-node"]),
    (&[Rule::Limits, Rule::Errno], "emfile.c", &["posix-mq", "packet-sniff"]),
    (&[Rule::Rights], "halfroot.c", &["hostname-set", "host-umount", "sysv-shm", "posix-mq"]),
    (&[Rule::OwnDirectory, Rule::Errno], "shares.c", &["setns-own-mount"]),
    (&[Rule::Freeze, Rule::Success], "undo.c", &["hostname-set", "tty-foreground", "tty-inject"]),
    (&[Rule::Mediators, Rule::Success], "supervises.c", &["mount"]),
    (&[Rule::WholeLook, Rule::Success], "mounts.c", &["mount"]),
    (&[Rule::Handles], "pread.c", &["chroot-escape", "raw-disk", "rootfs-device-node"]),
    (&[Rule::EachNumber], "flags.c", &["posix-mq", "loopback-service"]),
    (&[Rule::EachNumber], "numbers.c", &["host-umount", "sysv-shm", "posix-mq", "loopback-service"]),
    (&[Rule::OtherWays], "killnumbers.c", &["raw-disk", "host-umount", "sysv-shm", "posix-mq", "chroot-escape", "proc-keys"]),
    (&[Rule::OtherWays], "killways.c", &["mount", "signal-process", "ptrace-attach", "setuid-drop"]),
    (&[Rule::Forms], "place.c", &["mount", "reboot", "host-umount", "sysv-shm", "packet-sniff"]),
    (&[Rule::Forms], "unused.c", &["mount", "reboot", "host-umount", "sysv-shm"]),
    (&[Rule::Forms], "onstack.c", &["mount", "host-umount", "posix-mq", "hostname-read", "chroot-escape"]),
    (&[Rule::Forms], "highbits.c", &["host-umount", "sysv-shm", "io-uring"]),
    (&[Rule::Errno], "errnos.c", &["hostname-set", "host-umount", "signal-process", "sysv-shm", "posix-mq", "loopback-service"]),
    (&[Rule::Errno], "limits.c", &["fork-bomb", "memory-hog", "io-uring"]),
    (&[Rule::Success], "fakes.c", &["hostname-set", "host-umount", "signal-process"]),
    (&[Rule::OwnFirst], "flags.c", &["chroot-escape", "raw-disk", "rootfs-device-node"]),
    (&[Rule::Whole], "removes.c", &["raw-disk", "rootfs-device-node"]),
    (&[Rule::Whole], "script.c", &["setuid-rootfs", "setuid-volume"]),
    (&[Rule::Fresh], "prepares.c", &["sysv-shm"]),
    (&[Rule::TriedOnce], "twofaced.c", WHOLE),
];

/// Rules without which no program of these gets anything, and why: another one is in its way.
const COVERED: &[(Rule, &str)] = &[(
    Rule::OwnMemory,
    "whoever shares the command's memory stands still, and is not let go while a pointer is used (rules 4 and 2)",
)];

/// A program that wins a race only at times is graded so often.
const ROUNDS: usize = 8;

const LIMIT: Duration = Duration::from_secs(4);

fn main() {
    grader::runner::workers::process::serve_if_asked();
    // `cargo test` asks which tests there are.
    if std::env::args().any(|word| word == "--list") {
        return;
    }
    each_rule_is_shown_or_covered();
    the_page_on_verdicts_has_the_figures();
    if !nix::unistd::geteuid().is_root() {
        return println!("skipped: needs root");
    }
    let place = tempfile::Builder::new().permissions(Permissions::from_mode(0o755)).tempdir().unwrap();
    let rootfs = Cache::at(place.path()).embedded(&Root::machine().unwrap()).unwrap().path;
    let mut programs = BTreeMap::new();
    for (_, file, _) in SHOWN {
        // A directory of its own goes into the decoy whole.
        let own = place.path().join(Cheat::of(file).name());
        fs::create_dir_all(&own).unwrap();
        let Some(program) = Cheat::of(file).make(&own) else { return };
        programs.insert(*file, program);
    }
    if !all_hold(&rootfs, &programs) {
        return;
    }
    let mut left_out: Vec<_> = SHOWN.iter().map(|(rules, ..)| *rules).collect();
    left_out.dedup();
    let missing: Vec<String> =
        left_out.into_iter().flat_map(|rules| without(rules, &rootfs, &programs)).collect();
    assert!(missing.is_empty(), "{missing:#?}");
    write_page();
}

fn each_rule_is_shown_or_covered() {
    for rule in Rule::ALL {
        let shown = SHOWN.iter().filter(|(rules, ..)| rules[0] == rule).count();
        let covered = COVERED.iter().filter(|(it, _)| *it == rule).count();
        assert!((shown > 0) != (covered > 0), "{rule:?}");
    }
}

/// What each rule is worth: the programs, and how many attempts each gets without it.
fn the_page_on_verdicts_has_the_figures() {
    let page = fs::read_to_string(workspace().join("docs/src/verdicts.md")).unwrap();
    for number in 1..=8 {
        let mut gets: BTreeMap<&str, BTreeSet<&str>> = BTreeMap::new();
        for (_, file, ids) in SHOWN.iter().filter(|(rules, ..)| rules[0].number() == number) {
            gets.entry(file).or_default().extend(*ids);
        }
        let gets: Vec<String> =
            gets.iter().map(|(file, ids)| format!("`{file}` earned {}", ids.len())).collect();
        let sentence = format!("Without it {}.", gets.join(", "));
        assert!(page.contains(&sentence), "docs/src/verdicts.md, rule {number}: {sentence}");
    }
}

/// With every rule in force none of them gets anything. False where nothing can be judged.
fn all_hold(rootfs: &Path, programs: &BTreeMap<&str, PathBuf>) -> bool {
    let mut judge = Judge::without(&[], rootfs);
    for (_, file, ids) in SHOWN {
        let Some(unearned) = judge.unearned(Cheat::of(file), &programs[file], ids) else {
            println!("skipped: {file}: it can't be judged here");
            return false;
        };
        assert!(unearned.is_empty(), "{file} with every rule in force: {unearned:?}");
    }
    true
}

/// Without these rules each program that is listed for them gets what is listed. Returns what one does not get.
fn without(rules: &[Rule], rootfs: &Path, programs: &BTreeMap<&str, PathBuf>) -> Vec<String> {
    let mut short = Vec::new();
    let mut judge = Judge::without(rules, rootfs);
    for (_, file, ids) in SHOWN.iter().filter(|(it, ..)| *it == rules) {
        let mut missing = ids.to_vec();
        for _ in 0..ROUNDS {
            let found = judge.unearned(Cheat::of(file), &programs[file], &missing).unwrap_or_default();
            missing.retain(|id| !found.contains(id));
            if missing.is_empty() {
                break;
            }
        }
        println!("without {rules:?} {file} gets all but {missing:?} of {}", ids.join(", "));
        short.extend(missing.iter().map(|id| format!("{file} without {rules:?} does not get {id}")));
    }
    short
}

/// A grader without some of its rules.
struct Judge(Workers);

impl Judge {
    fn without(left_out: &[Rule], rootfs: &Path) -> Judge {
        Judge(Workers::start_without(rootfs, LIMIT, left_out).unwrap())
    }

    /// The BLOCKED that a program gets and did not earn. None where one of these attempts can't be judged on this machine.
    fn unearned<'a>(&mut self, cheat: &Cheat, program: &Path, ids: &[&'a str]) -> Option<Vec<&'a str>> {
        let attempts: Vec<_> = ids.iter().map(|id| Attempt::find(id).unwrap()).collect();
        let kind = DecoyKind::User;
        let controls = controls(&attempts, kind, &mut self.0, &mut |_| {}).unwrap();
        let targets = vec![Target::program(program, kind).unwrap()];
        let run = Run { targets, attempts: attempts.clone(), works: false };
        let report = grade_all(&[run], &controls, &mut self.0, &mut |_| {}).unwrap().remove(0);
        let of = |id: &str| report.checks.iter().find(|check| check.id == id).unwrap();
        if ids.iter().any(|id| of(id).cause == Some(Cause::Machine)) {
            return None;
        }
        let blocked = ids
            .iter()
            .zip(attempts)
            .filter(|(id, attempt)| of(id).verdict == Verdict::Blocked && !cheat.confines(attempt, true));
        Some(blocked.map(|(id, _)| *id).collect())
    }
}

fn write_page() {
    let mut page = fs::read_to_string(directory().join("page.md")).unwrap();
    let _ = writeln!(page, "| Rule | Left out | Program | What it then got |\n|---|---|---|---|");
    for (rules, file, ids) in SHOWN {
        let left_out: Vec<_> = rules.iter().map(|rule| rule.sentence()).collect();
        let ids: Vec<_> = ids.iter().map(|id| format!("`{id}`")).collect();
        let (number, ids) = (rules[0].number(), ids.join(", "));
        let _ = writeln!(page, "| {number} | {} | `{file}` | {ids} |", left_out.join(" And: "));
    }
    for (rule, why) in COVERED {
        let _ = writeln!(page, "| {} | {} | none | nothing: {why} |", rule.number(), rule.sentence());
    }
    let _ = writeln!(page, "\n## The programs\n\n| Program | What it does |\n|---|---|");
    for cheat in CHEATS {
        let _ = writeln!(page, "| `{}` | {} |", cheat.file, cheat.story());
    }
    let path = workspace().join("docs/src/cheats.md");
    if std::env::var_os("BLESS").is_some() {
        fs::write(&path, &page).unwrap();
    }
    assert_eq!(fs::read_to_string(&path).unwrap_or_default(), page, "write it anew with BLESS=1");
}
