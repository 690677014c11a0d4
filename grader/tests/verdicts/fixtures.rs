//! Two programs of other people's making, right in some parts and wrong in others. What the grader must find in each
//! of them stands here, check by check.
//!
//! `fixtures/container.c` does much of what a course asks for, in its own manner: chatter on both streams, a terminal
//! demanded on standard error, a temporary directory under /tmp, a host name of its own choice, 256 - N for a
//! signal, MS_SLAVE, and a filter that kills. `fixtures/container.sh` does little, executes other programs, leaves a
//! file, and every now and then does not start.

mod honest;

use crate::common::stage::{Stage, Who, check, skip};
use attempts::attempts::{ALL, Attempt};
use grader::report::{Cause, Check, Report, TargetKind, Verdict};
use rstest::rstest;
use std::fs::{self, Permissions};
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::OnceLock;

const C: &str = "container";
const SHELL: &str = "container.sh";

/// The attempts: what each comes to in the C program and in the shell script, on a decoy host of the user kind that
/// root made, where that is not what lab 3 comes to there, and lab 1. E escaped, B blocked, - waits for another, I: no
/// such decoy host can judge it.
const ATTEMPTS: &[(&str, [char; 2])] = &[
    ("leaked-descriptor", ['E', 'E']),
    ("rootfs-device-node", ['E', 'E']),
    ("proc-keys", ['E', 'E']),
    // The script's UTS namespace begins as a copy, and nobody sets a name.
    ("hostname-read", ['B', 'E']),
    ("sysv-shm", ['B', 'E']),
    ("posix-mq", ['B', 'E']),
    // Neither has a network or a time namespace.
    ("abstract-socket", ['E', 'E']),
    ("loopback-service", ['E', 'E']),
    ("packet-sniff", ['E', 'E']),
    ("boot-time", ['E', 'E']),
    // C: a cgroup namespace; and who leaves it mounts first, and dies.
    ("cgroup-path", ['B', 'E']),
    ("cgroup-leave", ['B', 'E']),
    ("env-secret", ['E', 'E']),
    ("tty-foreground", ['E', 'E']),
    ("tty-inject", ['E', 'E']),
    ("session-keyring", ['B', 'E']),
    ("setuid-rootfs", ['E', 'E']),
    ("setuid-volume", ['E', 'E']),
    // C: /tmp is a tmpfs, /run is not.
    ("setuid-drop", ['E', 'E']),
    ("cap-bounding", ['B', 'E']),
    ("personality", ['B', 'E']),
];

/// The works checks. W works, F fails, - waits for another, ? either.
const WORKS: &[(&str, [char; 2])] = &[
    ("starts", ['W', 'W']),
    // The clock decides whether the script meets a stretch in which it does not start.
    ("each-start", ['W', '?']),
    ("arguments", ['W', 'W']),
    ("output", ['W', 'W']),
    ("input", ['W', 'W']),
    ("terminal", ['W', 'W']),
    ("exit-status", ['W', 'W']),
    // C: 256 - N is no status of ours, and none of success.
    ("signal-status", ['W', 'W']),
    ("no-other-program", ['W', 'F']),
    ("odd-path", ['W', 'W']),
    ("two-at-once", ['W', 'W']),
    ("rootfs-writable", ['W', 'W']),
    ("nothing-left", ['W', 'F']),
    ("temporary-directory", ['W', 'W']),
    ("host-intact", ['W', 'W']),
    ("pid-1", ['W', 'W']),
    // C: MS_SLAVE keeps what it does from the host, and lets in what the host does.
    ("later-mounts", ['F', 'W']),
    // C dies and leaves its command behind; unshare(1) waits on, deaf to INT and TERM.
    ("signals", ['F', 'F']),
    ("no-child-left", ['W', 'W']),
    ("root-inside", ['W', 'W']),
    ("host-name", ['W', 'F']),
    // What they reach is the host's own interface.
    ("loopback-up", ['F', 'F']),
    ("proc-self", ['W', 'W']),
    ("sys-there", ['W', 'F']),
    ("tmp-writable", ['W', 'F']),
    ("run-writable", ['F', 'F']),
    ("devices", ['F', 'F']),
    ("pts", ['F', 'F']),
    ("shm", ['F', 'F']),
    ("dev-links", ['F', 'F']),
    ("console", ['F', 'F']),
    // C has no /run, the script nothing but /proc.
    ("file-systems", ['F', 'F']),
    // C makes a directory for the old root.
    ("read-only-rootfs", ['F', 'W']),
];

/// The fixtures that can be run here, graded once, all in one run.
fn report() -> Option<&'static Report> {
    static REPORT: OnceLock<Option<Report>> = OnceLock::new();
    let report = REPORT.get_or_init(|| {
        let stage = Stage::new(Who::Root)?;
        let programs: Vec<_> = [compiled(&stage), script(&stage)].into_iter().flatten().collect();
        if programs.is_empty() {
            return None;
        }
        let mut grader = stage.grader(["run", "--format", "json", "--decoy", "user"]);
        grader.args(programs);
        let ran = stage.run(grader);
        let report = ran.report();
        assert_eq!(ran.code(), Some(1), "{report:#?}");
        Some(report)
    });
    if report.is_none() {
        skip("the fixtures could not be graded here, see above");
    }
    report.as_ref()
}

fn source(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures").join(name)
}

/// The C program, compiled. None where there is no C compiler, or one without the kernel's headers.
fn compiled(stage: &Stage) -> Option<PathBuf> {
    let compiler = || Command::new(std::env::var_os("CC").unwrap_or_else(|| "cc".into()));
    let preprocessed = compiler().arg("-E").arg(source("container.c")).output();
    if !preprocessed.is_ok_and(|output| output.status.success()) {
        skip("container.c needs a C compiler and the kernel's headers");
        return None;
    }
    let program = stage.directory("c").join(C);
    let output = compiler().args(["-Wall", "-o"]).arg(&program).arg(source("container.c")).output().unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    Some(program)
}

fn script(stage: &Stage) -> Option<PathBuf> {
    if Command::new("unshare").arg("--version").output().is_err() {
        skip("container.sh needs unshare(1)");
        return None;
    }
    let program = stage.directory("shell").join(SHELL);
    fs::copy(source(SHELL), &program).unwrap();
    fs::set_permissions(&program, Permissions::from_mode(0o755)).unwrap();
    Some(program)
}

/// The report, and which column of the tables is the program's.
fn graded(program: &str) -> Option<(&'static Report, usize)> {
    let report = report()?;
    if !report.targets.iter().any(|target| target.name == program) {
        skip(&format!("{program} was not graded, see above"));
        return None;
    }
    Some((report, usize::from(program == SHELL)))
}

#[rstest]
fn every_attempt_comes_to_what_it_must(#[values(C, SHELL)] program: &str) {
    let Some((report, column)) = graded(program) else { return };
    let mut wrong = Vec::new();
    for attempt in ALL {
        let id = attempt.id;
        let Check { verdict, cause, why, evidence, .. } = check(report, program, id);
        let like = attempt.letter([3, 1][column], attempt.letters.user).unwrap();
        let differs = ATTEMPTS.iter().find(|(known, _)| *known == id);
        let expected = match differs.map_or(like, |(_, letters)| letters[column]) {
            'E' => (Verdict::Escaped, None),
            'B' => (Verdict::Blocked, None),
            '-' => (Verdict::Inconclusive, Some(Cause::Waiting)),
            _ => (Verdict::Inconclusive, Some(Cause::Machine)),
        };
        let found = (*verdict, *cause);
        if *cause == Some(Cause::Machine) && found != expected {
            // Another machine may lack what the attempt needs: a loop device, a key.
            skip(&format!("{id}: {why}"));
        } else if found != expected {
            wrong.push(format!("{id}: {found:?}, not {expected:?}: {why}; {evidence:?}"));
        }
    }
    assert!(wrong.is_empty(), "{program}: {wrong:#?}");
}

#[rstest]
fn every_works_check_comes_to_what_it_must(#[values(C, SHELL)] program: &str) {
    let Some((report, column)) = graded(program) else { return };
    let known = || WORKS.iter().filter(|(_, letters)| letters[column] != '?');
    let found: Vec<_> = known().map(|(id, _)| (*id, check(report, program, id).verdict)).collect();
    let expected: Vec<_> = known()
        .map(|(id, letters)| {
            let word = match letters[column] {
                'W' => Verdict::Works,
                'F' => Verdict::Fails,
                _ => Verdict::Inconclusive,
            };
            (*id, word)
        })
        .collect();
    assert_eq!(found, expected, "{report:#?}");
}

#[test]
fn every_works_check_is_in_the_table_and_no_name_is_wrong() {
    let works: Vec<_> = attempts::works::ALL.iter().map(|work| work.id).collect();
    assert_eq!(WORKS.iter().map(|(id, _)| *id).collect::<Vec<_>>(), works);
    for (id, letters) in ATTEMPTS {
        let attempt = Attempt::find(id).unwrap_or_else(|| panic!("{id} is no attempt"));
        let like = [3, 1].map(|lab| attempt.letter(lab, attempt.letters.user).unwrap());
        assert_ne!(*letters, like, "{id} need not stand there");
    }
}

/// What is to be fixed first is no check that waits.
#[rstest]
#[case(C, "signals")]
#[case(SHELL, "no-other-program")]
fn what_is_to_be_fixed_first(#[case] program: &str, #[case] id: &str) {
    let Some((report, _)) = graded(program) else { return };
    let target = report.targets.iter().find(|target| target.name == program).unwrap();
    let first = target.fix_first.as_ref().unwrap();
    assert_eq!((first.id.as_str(), first.steps.len()), (id, 0));
    let waits = check(report, program, "pts");
    assert_eq!((waits.waiting_for.as_slice(), waits.points), (["devices".to_owned()].as_slice(), 0.0));
    assert!(waits.max_points > 0.0, "who waits keeps its weight");
}

/// The C program misses the network namespace and so lab 1; the script executes others and so is no lab at all.
#[rstest]
#[case(C, Some(0))]
#[case(SHELL, None)]
fn how_far_each_has_come(#[case] program: &str, #[case] lab: Option<usize>) {
    let Some((report, _)) = graded(program) else { return };
    let target = report.targets.iter().find(|target| target.name == program).unwrap();
    assert_eq!(target.reached, lab);
    assert_eq!(target.kind, TargetKind::Program);
}

/// Where it kills for each way of an attempt. For `mount` and `ptrace-attach` it has left others open, which come to nothing in
/// the container's own namespaces.
#[rstest]
fn a_filter_that_kills_blocks(
    #[values("reboot", "mount", "ptrace-attach", "session-keyring", "personality")] id: &str,
) {
    let Some((report, _)) = graded(C) else { return };
    let Check { verdict, cause, why, .. } = check(report, C, id);
    if *cause == Some(Cause::Machine) {
        skip(&format!("{id}: {why}"));
        return;
    }
    assert_eq!(*verdict, Verdict::Blocked, "{why}");
    let kills = why.contains("a system-call filter killed the attacker");
    assert_eq!(kills, !["mount", "ptrace-attach"].contains(&id), "{why}");
}

/// What the script is told: the reason, and not some other.
#[rstest]
#[case("no-other-program", "/unshare")]
#[case("nothing-left", "left: /")]
#[case("host-name", "it has the host's name")]
#[case("tmp-writable", "/tmp is a directory of the rootfs")]
fn the_reason_is_given(#[case] id: &str, #[case] reason: &str) {
    let Some((report, _)) = graded(SHELL) else { return };
    let why = &check(report, SHELL, id).why;
    assert!(why.contains(reason), "{why}");
}
