//! Things broken on purpose: a lab without a step, programs that cheat, and graders that are ended half-way.

use crate::common::confined::share_mounts;
use crate::common::machine::{Machine, family, own, processes_with, still_there, wait_until};
use crate::common::programs::WITHOUT_PROPAGATION;
use crate::common::stage::{Setting, Setting::*, Stage, check};
use grader::report::{Cause, Check, Report, Verdict};
use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;
use rstest::rstest;
use std::collections::BTreeSet;
use std::fs;
use std::os::unix::process::ExitStatusExt;
use std::process::{Child, Command, ExitStatus, Stdio};

const ATTEMPTS: [&str; 4] = ["reboot", "mount", "raw-disk", "shell-pid"];

/// Grades one program on the attempts alone. What falls short, or escapes, gives exit code 1.
fn attack(setting: Setting, program: &str) -> Option<Report> {
    let stage = Stage::new(setting.who())?;
    let mut grader = stage.grader(["run", "--format", "json", "--decoy", setting.decoy()]);
    grader.args(ATTEMPTS.iter().flat_map(|id| ["--attempt", id])).arg(stage.program(program)?);
    let ran = stage.run(grader);
    let report = ran.report();
    assert_eq!(ran.code(), Some(1), "{report:#?}");
    Some(report)
}

/// The checks of the attempts that can be judged in this setting.
fn judged(setting: Setting, report: &Report) -> impl Iterator<Item = &Check> {
    let lacks_disk = setting.lacks_disk().is_some();
    let four = ["reboot", "mount", "raw-disk", "shell-pid"];
    report.checks().map(|(_, check)| check).filter(move |check| {
        let machine = check.cause == Some(Cause::Machine);
        // Of the article's four only the disk may be beyond this machine.
        let may_lack = !four.contains(&check.id.as_str()) || lacks_disk && check.id == "raw-disk";
        !(machine && may_lack)
    })
}

/// Without the step the mount namespace is a copy whose mounts are peers of the host's. The rest of the lab is there.
#[rstest]
fn a_lab_without_private_propagation_lets_a_mount_out(
    #[values(RootInRoot, RootInUser, UserInUser)] setting: Setting,
) {
    let Some(report) = attack(setting, WITHOUT_PROPAGATION) else { return };
    for it in judged(setting, &report) {
        let expected =
            if ["mount", "raw-disk"].contains(&it.id.as_str()) { Verdict::Escaped } else { Verdict::Blocked };
        assert_eq!(it.verdict, expected, "{}: {}", it.id, it.why);
    }
}

#[rstest]
fn a_command_outside_of_any_container_escapes(
    #[values(RootInRoot, RootInUser, UserInUser)] setting: Setting,
) {
    let Some(report) = attack(setting, "outside.sh") else { return };
    for it in judged(setting, &report) {
        assert_eq!(it.verdict, Verdict::Escaped, "{}: {}", it.id, it.why);
    }
}

#[rstest]
#[case::that_ends_at_once("exits.sh", "exited with status 0 before its command started")]
#[case::that_prints_a_success("boasts.sh", "exited with status 0 before its command started")]
#[case::that_traces_its_command("traces", "it traces its command itself")]
fn nothing_is_said_of_a_program(
    #[case] program: &str,
    #[case] why: &str,
    #[values(RootInRoot, RootInUser, UserInUser)] setting: Setting,
) {
    let Some(report) = attack(setting, program) else { return };
    for it in judged(setting, &report) {
        assert_eq!((it.verdict, it.cause), (Verdict::Inconclusive, Some(Cause::Target)), "{it:#?}");
        assert!(it.why.contains(why), "{}: {}", it.id, it.why);
    }
}

/// A filter may kill in place of refusing. Without an environment there is nothing to read.
#[rstest]
fn a_filter_that_kills_blocks_as_well(#[values(RootInRoot, RootInUser, UserInUser)] setting: Setting) {
    let Some(stage) = Stage::new(setting.who()) else { return };
    let Some(program) = stage.program("kills") else { return };
    let mut grader = stage.grader(["run", "--format", "json", "--decoy", setting.decoy()]);
    grader.args(["--attempt", "personality", "--attempt", "env-secret"]).arg(program);
    let ran = stage.run(grader);
    let report = ran.report();
    for (id, why) in [
        ("personality", "a system-call filter killed the attacker"),
        ("env-secret", "nothing of the caller's"),
    ] {
        let it = check(&report, "kills", id);
        assert_eq!(it.verdict, Verdict::Blocked, "{it:#?}");
        assert!(it.why.contains(why), "{it:#?}");
    }
    assert_eq!(ran.code(), Some(0), "{report:#?}");
}

/// One that blocks every attempt by running nothing is no container.
#[rstest]
#[case::that_ends_at_once("exits.sh")]
#[case::that_prints_a_success("boasts.sh")]
fn nothing_works_in_a_program(
    #[case] program: &str,
    #[values(RootInRoot, RootInUser, UserInUser)] setting: Setting,
) {
    let Some(stage) = Stage::new(setting.who()) else { return };
    let Some(path) = stage.program(program) else { return };
    let mut grader = stage.grader(["run", "--format", "json", "--decoy", setting.decoy()]);
    grader.arg(path);
    let ran = stage.run(grader);
    assert_eq!(ran.code(), Some(1));
    let report = ran.report();
    assert_eq!(check(&report, program, "starts").verdict, Verdict::Fails);
    for (_, it) in report.checks().filter(|(_, it)| it.id != "starts") {
        let waits = it.verdict == Verdict::Inconclusive && it.waiting_for == ["starts"];
        assert!(waits, "{it:#?}");
    }
}

/// A grader in the middle of a trial: the program under test runs and will not end.
struct HalfWay {
    grader: Child,
    /// What belongs to it.
    own: BTreeSet<String>,
}

impl HalfWay {
    fn start(stage: &Stage, setting: Setting) -> Option<HalfWay> {
        let program = stage.program("hangs.sh")?;
        let mut grader = stage.grader(["run", "--attempt", "mount", "--decoy", setting.decoy()]);
        grader.args(["--output", "out/report"]).arg(&program);
        stage.directory("out");
        grader.stdout(Stdio::null()).stderr(Stdio::null());
        let mut half_way = HalfWay { grader: grader.spawn().unwrap(), own: BTreeSet::new() };
        let started = format!("{}\0/srv/rootfs", program.display());
        wait_until("the program runs", || {
            assert_eq!(half_way.grader.try_wait().unwrap(), None, "the grader ended too early");
            !processes_with(&started).is_empty()
        });
        half_way.own = own(stage);
        let has = |kind: &str| half_way.own.iter().any(|thing| thing.starts_with(kind));
        assert!(has("process") && has("file"), "{:?}", half_way.own);
        assert_eq!(has("disk"), setting.lacks_disk().is_none(), "{:?}", half_way.own);
        Some(half_way)
    }

    fn end(&mut self, signal: Signal) -> ExitStatus {
        kill(Pid::from_raw(self.grader.id() as i32), signal).unwrap();
        self.grader.wait().unwrap()
    }
}

impl Drop for HalfWay {
    fn drop(&mut self) {
        let _ = self.grader.kill();
        let _ = self.grader.wait();
    }
}

#[rstest]
fn a_grader_that_is_interrupted_leaves_nothing(
    #[values(RootInRoot, RootInUser, UserInUser)] setting: Setting,
    #[values(Signal::SIGINT, Signal::SIGTERM, Signal::SIGHUP)] signal: Signal,
) {
    let Some(stage) = Stage::new(setting.who()) else { return };
    let before = Machine::now();
    let Some(mut half_way) = HalfWay::start(&stage, setting) else { return };
    assert_eq!(half_way.end(signal).code(), Some(128 + signal as i32));
    // Not soon, but now that it has ended.
    let left = still_there(&half_way.own);
    assert!(left.is_empty(), "{left:#?}");
    assert_eq!(fs::read_dir(stage.path("out")).unwrap().count(), 0, "half a report");
    before.assert_unchanged(&stage);
}

#[rstest]
fn a_grader_that_is_killed_leaves_nothing(#[values(RootInRoot, RootInUser, UserInUser)] setting: Setting) {
    let Some(stage) = Stage::new(setting.who()) else { return };
    let before = Machine::now();
    let Some(mut half_way) = HalfWay::start(&stage, setting) else { return };
    assert_eq!(half_way.end(Signal::SIGKILL).signal(), Some(Signal::SIGKILL as i32));
    wait_until("all that belonged to it is gone", || still_there(&half_way.own).is_empty());
    before.assert_unchanged_soon(&stage);
}

#[rstest]
fn what_a_killed_keeper_leaves_is_swept_by_the_next_grader(
    #[values(RootInRoot, RootInUser, UserInUser)] setting: Setting,
) {
    let Some(stage) = Stage::new(setting.who()) else { return };
    let before = Machine::now();
    let Some(mut half_way) = HalfWay::start(&stage, setting) else { return };
    // It must not see that the others die, or it would clean up after them.
    let grader = half_way.grader.id() as i32;
    kill(Pid::from_raw(grader), Signal::SIGSTOP).unwrap();
    for pid in family(stage.word()).into_iter().filter(|pid| *pid != grader) {
        let _ = kill(Pid::from_raw(pid), Signal::SIGKILL);
    }
    half_way.end(Signal::SIGKILL);
    assert!(still_there(&half_way.own).iter().any(|thing| thing.starts_with("file")), "nobody cleaned up");

    let mut next = stage.grader(["run", "--attempt", "mount", "--decoy", setting.decoy()]);
    next.arg(stage.program("exits.sh").unwrap());
    stage.run(next).assert().code(1);
    wait_until("all that belonged to it is gone", || still_there(&half_way.own).is_empty());
    before.assert_unchanged_soon(&stage);
}

/// The worst case: every attempt escapes into a decoy whose grader's own mounts are shared.
#[rstest]
fn nothing_of_a_decoy_reaches_shared_mounts_around_the_grader(
    #[values(RootInRoot, RootInUser, UserInUser)] setting: Setting,
) {
    let Some(stage) = Stage::new(setting.who()) else { return };
    let Some(program) = stage.program("outside.sh") else { return };
    let script =
        "cat /proc/self/mountinfo >before; \"$@\"; code=$?; cat /proc/self/mountinfo >after; exit $code";
    let mut shell = stage.script(script, ["run", "--format", "json", "--decoy", setting.decoy()]);
    shell.args(ATTEMPTS.iter().flat_map(|id| ["--attempt", id])).arg(program);
    share_mounts(&mut shell, setting.who());
    let ran = stage.run(shell);
    let report = ran.report();
    for it in judged(setting, &report) {
        assert_eq!(it.verdict, Verdict::Escaped, "{}: {}", it.id, it.why);
    }
    let table = |name| fs::read_to_string(stage.path(name)).unwrap();
    assert!(table("before").contains(" shared:"), "{}", table("before"));
    assert_eq!(table("before"), table("after"));
}

/// They share the temporary directory and the cache.
#[rstest]
fn two_graders_at_once_do_not_meet(#[values(RootInRoot, RootInUser, UserInUser)] setting: Setting) {
    let Some(stage) = Stage::new(setting.who()) else { return };
    let (Some(outside), Some(lab)) = (stage.program("outside.sh"), stage.program("lab3-pivot")) else {
        return;
    };
    let before = Machine::now();
    let start = |_| {
        let mut grader = stage.grader(["run", "--format", "json", "--decoy", setting.decoy()]);
        grader.args(ATTEMPTS.iter().flat_map(|id| ["--attempt", id]));
        let piped = |command: &mut Command| command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn();
        piped(grader.args([&outside, &lab])).unwrap()
    };
    let graders: Vec<_> = (0..2).map(start).collect();
    for grader in graders {
        let output = grader.wait_with_output().unwrap();
        let report: Report = serde_json::from_slice(&output.stdout).unwrap();
        for id in ["reboot", "mount", "shell-pid"] {
            let it = check(&report, "outside.sh", id);
            assert_eq!(it.verdict, Verdict::Escaped, "{it:#?}");
            assert_eq!(check(&report, "lab3-pivot", id).verdict, Verdict::Blocked);
        }
    }
    before.assert_unchanged(&stage);
}

/// Nobody is to look at the next start, or to answer in its place. What had to be ended counts as left.
#[rstest]
fn what_one_start_leaves_is_ended_before_the_next(
    #[values(RootInRoot, RootInUser, UserInUser)] setting: Setting,
) {
    let Some(stage) = Stage::new(setting.who()) else { return };
    let Some(program) = stage.program("lingers.sh") else { return };
    let mut grader = stage.grader(["run", "--format", "json", "--decoy", setting.decoy()]);
    grader.args(["--attempt", "nothing-left", "--attempt", "no-other-program", "--attempt", "starts"]);
    grader.arg(program);
    let report = stage.run(grader).report();
    for (_, it) in report.checks() {
        // The second of two at once is started while the first one's still runs.
        assert!(it.id == "two-at-once" || !it.why.contains("it met a process"), "{it:#?}");
    }
    let left = check(&report, "lingers.sh", "nothing-left");
    assert_eq!(left.verdict, Verdict::Fails, "{left:#?}");
    assert!(left.why.contains("process"), "{left:#?}");
}

/// Who can move PID 1 can throttle and freeze it, and so the grader that asks it something.
#[rstest]
fn nobody_in_a_decoy_moves_its_first_process(#[values(RootInUser, UserInUser)] setting: Setting) {
    let Some(stage) = Stage::new(setting.who()) else { return };
    let Some(program) = stage.program("moves.sh") else { return };
    let mut grader = stage.grader(["run", "--format", "json", "--decoy", setting.decoy()]);
    grader.args(["--attempt", "cgroup-leave"]).arg(program);
    let report = stage.run(grader).report();
    let it = check(&report, "moves.sh", "cgroup-leave");
    if it.cause == Some(Cause::Machine) {
        return println!("skipped: {}", it.why);
    }
    assert!(it.why.contains(" host 0"), "{it:#?}");
    assert!(!it.why.contains("groups 0") && !it.why.contains("itself 0"), "it tried nothing: {it:#?}");
}
