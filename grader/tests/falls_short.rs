//! No check is one that can't fail, and none is one that can't hold: for each there is something that falls short of
//! it and something that does not, and here both are graded.
//!
//! INCONCLUSIVE is neither. What only ever waits for another check has not been shown to fall short.

mod common;

use attempts::attempts::{ALL as ATTEMPTS, Attempt};
use attempts::works::ALL as WORKS;
use common::broken::{ALONE, BROKEN};
use common::stage::{Setting, Stage, check, skip, workspace};
use grader::labs;
use grader::report::Report;
use grader::steps::Source;
use grader::variant::Workshop;
use rstest::rstest;
use std::collections::{BTreeMap, BTreeSet};
use std::env;
use std::fs::{self, Permissions};
use std::iter;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::OnceLock;
use std::thread;

/// Something that is graded by those checks alone that it is there for.
struct Row {
    name: &'static str,
    program: Program,
    /// The checks that fall short of it.
    short: Vec<&'static str>,
    /// Those that hold.
    holds: Vec<&'static str>,
}

#[derive(Clone, Copy)]
enum Program {
    /// A lab without these of its steps; all of them, where none is named.
    Without(&'static str, &'static [&'static str]),
    /// Lab 3 with these lines of Rust as the last before the command.
    With(&'static str),
    /// Lab 3 behind a shell script, which is given it as `"$@"`.
    Behind(&'static str),
    /// A shell script by itself.
    Alone(&'static str),
}

const LAST: &str = "lab3-pivot";

/// The steps of a lab are taken out together, and not one by one as `knockout` does: it is not asked here which of
/// them a check is for.
#[rustfmt::skip]
const TABLE: &[(&str, Program, &str, &str)] = &[
    ("lab 0, bare", Program::Without("lab0-chroot", &[]), "cwd-outside-root", ""),
    (
        "lab 1, bare", Program::Without("lab1-namespaces", &[]),
        "mount host-umount hostname-set hostname-read host-name sysv-shm posix-mq reboot shell-pid signal-process \
         ptrace-attach proc-environ pidfd-getfd proc-pid-root pid-1 no-child-left abstract-socket loopback-service \
         packet-sniff loopback-up cgroup-path cgroup-leave release-agent boot-time",
        "",
    ),
    (
        "lab 2, bare", Program::Without("lab2-mounts", &[]),
        "raw-disk rootfs-device-node mknod-disk mknod-disk-dev mknod-disk-volume setuid-rootfs setuid-volume \
         setuid-drop core-pattern sysfs-write proc-keys proc-self sys-there tmp-writable run-writable devices",
        "",
    ),
    (
        // In the row above these wait for the devices.
        "lab 2, half of dev", Program::Without("lab2-mounts", &["pts", "shm", "dev-links", "console"]),
        "pts shm dev-links console",
        "devices",
    ),
    (
        // tty-inject: in a user namespace lab 3's session stops it, elsewhere only capabilities do.
        "lab 3, bare", Program::Without(LAST, &[]),
        "chroot-escape setns-own-mount host-tree leaked-descriptor env-secret tty-foreground tty-inject",
        "",
    ),
    // What labs 4 to 6 are to add.
    (
        "capabilities", Program::With(include_str!("falls_short/capabilities.rs")),
        "",
        "open-by-handle remount-dev core-pattern-remount proc-keys-unmask kernel-addresses clock-adjust tty-inject \
         cap-bounding cap-inheritable no-new-privs",
    ),
    (
        "filter", Program::With(include_str!("falls_short/filter.rs")),
        "",
        "tty-inject-own tty-inject-high-bits session-keyring userns-unshare userns-clone userns-clone3 int80-userns \
         personality io-uring",
    ),
    ("limits", Program::Behind("limits.sh"), "no-other-program", "fork-bomb memory-hog cpu-hog"),
    ("a program that exits", Program::Alone("../programs/exits.sh"), "starts", ""),
];

fn rows() -> Vec<Row> {
    // The reference as it is.
    let later = |attempt: &&Attempt| attempt.first_lab() > 3;
    let to_come = ATTEMPTS.iter().filter(|it| later(it) && it.id != "tty-inject").map(|it| it.id);
    let stopped = ATTEMPTS.iter().filter(|it| !later(it)).map(|it| it.id);
    let holds = stopped.chain(WORKS.iter().map(|work| work.id)).collect();
    let whole = Row { name: "lab 3", program: Program::With(""), short: to_come.collect(), holds };
    let words = |text: &'static str| text.split_whitespace().collect();
    let row = |(name, program, short, holds): &(&'static str, Program, &'static str, &'static str)| Row {
        name,
        program: *program,
        short: words(short),
        holds: words(holds),
    };
    iter::once(whole).chain(TABLE.iter().map(row)).collect()
}

#[test]
fn every_check_has_something_that_falls_short_of_it_and_something_that_does_not() {
    let rows = rows();
    let all: BTreeSet<&str> = ATTEMPTS.iter().map(|it| it.id).chain(WORKS.iter().map(|it| it.id)).collect();
    let mut short: BTreeSet<&str> = rows.iter().flat_map(|row| row.short.iter().copied()).collect();
    // Lab 3 behind something that breaks it, and two more: `broken.rs` grades each.
    short.extend(BROKEN.iter().flat_map(|(_, _, short)| short.iter().copied()));
    short.extend(ALONE.map(|(_, short)| short));
    let holds: BTreeSet<&str> = rows.iter().flat_map(|row| row.holds.iter().copied()).collect();
    for (what, shown) in [("falls short of", short), ("holds in", holds)] {
        let missing: Vec<_> = all.difference(&shown).collect();
        assert!(missing.is_empty(), "nothing that {what}: {missing:?}");
        let unknown: Vec<_> = shown.difference(&all).collect();
        assert!(unknown.is_empty(), "no check is called {unknown:?}");
    }
}

#[rstest]
fn each_row_is_as_it_says(
    #[values(Setting::RootInRoot, Setting::RootInUser, Setting::UserInUser)] setting: Setting,
) {
    let Some(stage) = Stage::new(setting.who()) else { return };
    let Some(programs) = programs() else { return };
    let (mut wrong, mut unjudged) = (Vec::new(), BTreeMap::new());
    for (row, program) in rows().iter().zip(programs) {
        let report = grade(&stage, setting, row, program);
        let short = row.short.iter().map(|id| (id, ["ESCAPED", "FAILS"]));
        for (id, words) in short.chain(row.holds.iter().map(|id| (id, ["BLOCKED", "WORKS"]))) {
            let check = check(&report, &report.targets[0].name, id);
            if check.cause.as_deref() == Some("machine") {
                unjudged.insert(*id, check.why.clone());
            } else if !words.contains(&check.verdict.as_str()) {
                wrong.push(format!("{}: {id} is {}: {}", row.name, check.verdict, check.why));
            }
        }
    }
    for (id, why) in unjudged {
        skip(&format!("{id}: {why}"));
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

/// Grades what a row is about by the checks that it names.
fn grade(stage: &Stage, setting: Setting, row: &Row, program: &Path) -> Report {
    // A directory of its own: what lies beside a program goes with it into the decoy.
    let directory = stage.directory(&row.name.replace([' ', ','], "-"));
    let put = |from: &Path| {
        let to = directory.join(from.file_name().unwrap());
        fs::copy(from, &to).unwrap();
        fs::set_permissions(&to, Permissions::from_mode(0o755)).unwrap();
        to
    };
    let mut grader = stage.grader(["run", "--format", "json", "--decoy", setting.decoy()]);
    for id in row.short.iter().chain(&row.holds) {
        grader.args(["--attempt", id]);
    }
    let program = put(program);
    match row.program {
        Program::Behind(script) => {
            let script = put(&own().join(script));
            let template = format!("{} {} {{rootfs}} {{command}}", script.display(), program.display());
            grader.args(["--program", &template]);
        }
        _ => drop(grader.arg(program)),
    }
    stage.run(grader).report()
}

/// The program of each row, built once for all settings. None, and a line that says why, where they can't be built.
fn programs() -> Option<&'static [PathBuf]> {
    static PROGRAMS: OnceLock<Option<Vec<PathBuf>>> = OnceLock::new();
    let build = || {
        if env::var_os("CONTAINER_LABS_PROGRAMS").is_some()
            || Command::new("cargo").arg("--version").output().is_err()
        {
            skip("needs cargo");
            return None;
        }
        let cache = Path::new(env!("CARGO_TARGET_TMPDIR")).join("falls-short");
        // What an earlier run has left was made from other sources, perhaps.
        let _ = fs::remove_dir_all(&cache);
        let workshop = Workshop::open(workspace(), &cache).unwrap();
        let source = Source::read(workspace()).unwrap();
        let build = |row: Row| match row.program {
            Program::Alone(script) => own().join(script),
            Program::Behind(_) => workshop.build(&source, LAST).unwrap(),
            Program::With(lines) => workshop.build(&with(&source, lines), LAST).unwrap(),
            Program::Without(lab, steps) => {
                let out = |name: &str| steps.is_empty() || steps.contains(&name);
                let variant = source.without(|id| id.lab == lab && out(&id.name)).unwrap();
                workshop.build(&variant, lab).unwrap()
            }
        };
        thread::scope(|scope| {
            let building: Vec<_> = rows().into_iter().map(|row| scope.spawn(|| build(row))).collect();
            Some(building.into_iter().map(|it| it.join().unwrap()).collect())
        })
    };
    PROGRAMS.get_or_init(build).as_deref()
}

/// Lab 3 with more in its last step.
fn with(source: &Source, lines: &str) -> Source {
    let is_last = |name: &str| name == "lab3-pivot/environment";
    assert!(source.found().unwrap().iter().any(|(id, _)| is_last(&id.to_string())));
    let more = |body: &str| format!("{body}\n{{\n{lines}}}\n");
    source.replace(|id, step| is_last(&id.to_string()).then(|| more(&step.body))).unwrap()
}

/// The directory of this test's own files.
fn own() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/falls_short")
}

#[test]
fn every_step_that_is_named_is_there() {
    let steps = Source::read(workspace()).unwrap().steps().unwrap();
    for row in rows() {
        let Program::Without(lab, names) = row.program else { continue };
        assert!(labs::ALL.contains(&lab));
        for name in names {
            assert!(steps.iter().any(|step| step.id.lab == lab && step.id.name == *name), "{lab}/{name}");
        }
    }
}
