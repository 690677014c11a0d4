//! What one program, or the death of one worker, costs the others: nothing.

use crate::caller::Caller;
use crate::common::stage::{Who, skip};
use crate::run::{Ran, run};
use grader::report::{Cause, Check, Verdict};
use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;
use rstest::rstest;
use std::fs;
use std::path::Path;
use std::thread;
use std::time::{Duration, Instant};

/// A run of these programs that must have ended with a report.
fn grade(caller: &Caller, checks: &[&str], programs: &[&Path]) -> Ran {
    let mut grader = caller.grader(["run", "--format", "json", "--decoy", "user", "--output"]);
    grader.arg(caller.report()).args(checks.iter().flat_map(|id| ["--check", id])).args(programs);
    let ran = run(caller, grader).must_have_ended();
    ran.assert();
    ran
}

fn check<'a>(report: &'a grader::report::Report, id: &str) -> &'a Check {
    report.checks().find(|(_, check)| check.id == id).unwrap().1
}

#[rstest]
fn what_a_program_leaves_without_number_is_counted(#[values(Who::Root, Who::User)] who: Who) {
    let Some(caller) = Caller::new(who) else { return };
    for (name, count, what) in [("leaves", 20_000, "files"), ("mounts", 3_000, "mounts")] {
        let Some(program) = caller.hostile(name, &[]) else { return };
        let report = grade(&caller, &["nothing-left"], &[&program]).parsed().unwrap();
        let why = &check(&report, "nothing-left").why;
        let (number, rest) = why.split_once(' ').unwrap();
        assert!(number.parse::<usize>().is_ok_and(|number| number > count), "{why}");
        assert!(rest.starts_with(&format!("{what} were left: /")) && rest.contains(" more"), "{why}");
    }
}

#[rstest]
fn of_executions_without_number_the_first_are_told(#[values(Who::Root, Who::User)] who: Who) {
    let Some(caller) = Caller::new(who) else { return };
    let Some(program) = caller.hostile("executes", &[]) else { return };
    let report = grade(&caller, &["no-other-program"], &[&program]).parsed().unwrap();
    let check = check(&report, "no-other-program");
    assert_eq!(check.verdict, Verdict::Fails, "{}", check.why);
    assert!(check.why.starts_with("it executed /tmp/xxx") && check.why.len() < 1000, "{}", check.why);
}

/// As many attempts as keep three workers busy for more than a second.
const MANY: &[&str] = &[
    "mount",
    "shell-pid",
    "signal-process",
    "ptrace-attach",
    "proc-environ",
    "pidfd-getfd",
    "host-umount",
    "chroot-escape",
    "leaked-descriptor",
    "hostname-set",
    "hostname-read",
    "sysv-shm",
    "posix-mq",
];

/// How many workers are killed.
const KILLED: usize = 2;

#[rstest]
fn a_worker_that_is_killed_costs_one_verdict(#[values(Who::Root, Who::User)] who: Who) {
    let Some(caller) = Caller::new(who) else { return };
    let (Some(first), Some(last)) = (caller.honest("honest-a"), caller.honest("honest-b")) else { return };
    let ran = thread::scope(|scope| {
        let killer = scope.spawn(|| {
            let begun = Instant::now();
            let mut killed = 0;
            while killed < KILLED && begun.elapsed() < Duration::from_secs(20) {
                thread::sleep(Duration::from_millis(300));
                if let Some(worker) = workers(caller.stage.word()).last() {
                    kill(*worker, Signal::SIGKILL).unwrap();
                    killed += 1;
                }
            }
            killed
        });
        let ran = grade(&caller, MANY, &[&first, &last]);
        assert_eq!(killer.join().unwrap(), KILLED);
        ran
    });
    let report = ran.parsed().unwrap();
    assert_eq!(report.checks().count(), 2 * MANY.len());
    let is_lost = |check: &&Check| check.verdict != Verdict::Blocked;
    let lost: Vec<&Check> = report.checks().map(|(_, check)| check).filter(is_lost).collect();
    assert!(lost.iter().all(|check| check.why.contains("the process that ran it died")), "{lost:#?}");
    // One whose positive control was lost is lost for both.
    assert!(lost.iter().filter(|check| check.cause == Some(Cause::Target)).count() <= KILLED, "{lost:#?}");
    assert!(lost.len() <= 2 * KILLED, "{lost:#?}");
}

/// The workers of the grader that has this word in its arguments.
fn workers(word: &str) -> Vec<Pid> {
    let words = |pid: i32| fs::read(format!("/proc/{pid}/cmdline")).unwrap_or_default();
    let parent = |pid: i32| {
        let status = fs::read_to_string(format!("/proc/{pid}/status")).ok()?;
        status.lines().find_map(|line| line.strip_prefix("PPid:"))?.trim().parse::<i32>().ok()
    };
    let pids = fs::read_dir("/proc").unwrap().flatten();
    let pids = pids.filter_map(|entry| entry.file_name().to_str()?.parse::<i32>().ok());
    pids.filter(|pid| words(*pid).starts_with(b"container-labs-worker\0"))
        .filter(|pid| parent(*pid).is_some_and(|of| String::from_utf8_lossy(&words(of)).contains(word)))
        .map(Pid::from_raw)
        .collect()
}

/// Starts its command on a terminal only, in a group in which the attack reaches the decoy host's own limit of memory before
/// it has held too much: the host's look is unclear, and it looks again.
const DEMANDS: &str = "#!/bin/sh
[ -t 0 ] || { echo no terminal >&2; exit 9; }
mkdir -p /tmp/own && mount -t tmpfs -o size=700m none /tmp/own
for i in 1 2 3 4 5 6 7 8 9 10; do head -c 60000000 /dev/zero >/tmp/own/$i; done
exec chroot \"$@\"
";

#[test]
fn after_an_unclear_look_the_streams_are_those_that_worked() {
    let Some(caller) = Caller::new(Who::Root) else { return };
    caller.stage.directory("work/demands");
    let program = caller.file("work/demands/demands.sh", DEMANDS, 0o755);
    let report = grade(&caller, &["memory-hog"], &[&program]).parsed().unwrap();
    let check = check(&report, "memory-hog");
    if check.cause == Some(Cause::Machine) {
        return skip(&check.why);
    }
    assert_eq!(check.verdict, Verdict::Inconclusive, "{}", check.why);
    assert!(check.why.contains("the decoy host's own limit of memory"), "{}", check.why);
}
