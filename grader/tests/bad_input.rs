//! Bad input: a clear error or an INCONCLUSIVE with its reason, the right exit code, and nothing left behind.
//! What a test needs is small and its own; the machine's own limits stay as they are.

mod common;

use common::confined::{no_user_namespaces, root_of_nothing, small_disk};
use common::stage::{Setting, Stage, Who, check, skip};
use predicates::prelude::PredicateBooleanExt;
use predicates::str::{contains, is_empty};
use rstest::rstest;
use std::fs;
use std::os::unix::fs::PermissionsExt;

use Setting::{RootInRoot, RootInUser, UserInUser};

#[rstest]
#[case::missing("missing", "No such file or directory")]
#[case::a_file("file", "not a directory")]
#[case::empty("empty", "empty")]
#[case::the_root("/", "root")]
#[case::without_a_shell("shell-less", "sh")]
fn a_rootfs_that_is_none_is_named(
    #[case] rootfs: &str,
    #[case] why: &str,
    #[values(Who::Root, Who::User)] who: Who,
) {
    let Some(stage) = Stage::new(who) else { return };
    fs::write(stage.path("file"), "").unwrap();
    stage.directory("empty");
    stage.directory("shell-less/bin");
    fs::write(stage.path("shell-less/bin/true"), "").unwrap();
    let grader = stage.grader(["run", "--attempt", "mount", "--rootfs", rootfs, "/bin/true"]);
    stage.run(grader).assert().code(2).stdout(is_empty()).stderr(contains(rootfs).and(contains(why)));
}

#[rstest]
#[case::missing("missing", "neither a lab")]
#[case::not_executable("plain", "not executable")]
#[case::a_directory("directory", "not a program")]
fn a_program_that_is_none_is_named(
    #[case] program: &str,
    #[case] why: &str,
    #[values(Who::Root, Who::User)] who: Who,
) {
    let Some(stage) = Stage::new(who) else { return };
    fs::write(stage.path("plain"), "#!/bin/sh\n").unwrap();
    fs::set_permissions(stage.path("plain"), fs::Permissions::from_mode(0o644)).unwrap();
    stage.directory("directory");
    let grader = stage.grader(["run", "--attempt", "mount", program]);
    stage.run(grader).assert().code(2).stdout(is_empty()).stderr(contains(program).and(contains(why)));
}

#[rstest]
#[case::without_a_command("/bin/echo {rootfs}", "{command} is missing")]
#[case::with_an_open_quote("/bin/echo '{rootfs} {command}", "--program")]
#[case::of_no_program("no-such-program {rootfs} {command}", "no such program")]
fn a_template_that_is_none_is_named(#[case] template: &str, #[case] why: &str) {
    let Some(stage) = Stage::new(Who::User) else { return };
    let grader = stage.grader(["run", "--attempt", "mount", "--program", template]);
    stage.run(grader).assert().code(2).stdout(is_empty()).stderr(contains(why));
}

/// What never lets its command start is said to do so; nothing of it is blocked.
#[rstest]
fn a_program_that_harms_is_ended(
    #[values("hangs.sh", "forks.sh", "memory.sh", "disk.sh", "escapes.sh")] program: &str,
    #[values(RootInUser, UserInUser)] setting: Setting,
) {
    let Some(stage) = Stage::new(setting.who()) else { return };
    let Some(path) = stage.program(program) else { return };
    let mut grader = stage.grader(["run", "--format", "json", "--decoy", setting.decoy()]);
    let ran = stage.run({
        grader.arg(path);
        grader
    });
    assert_eq!(ran.code(), Some(1));
    let report = ran.report();
    assert_eq!(check(&report, program, "starts").verdict, "FAILS");
    assert_eq!(check(&report, program, "mount").verdict, "INCONCLUSIVE");
    assert_eq!(check(&report, program, "mount").waiting_for, ["starts"]);
}

#[rstest]
fn no_terminal_escape_of_a_program_gets_out(#[values("table", "json")] format: &str) {
    let Some(stage) = Stage::new(Who::User) else { return };
    let Some(path) = stage.program("escapes.sh") else { return };
    let mut grader = stage.grader(["run", "--decoy", "user", "--format", format]);
    grader.arg(path);
    let ran = stage.run(grader);
    assert!(!ran.0.stdout.contains(&0x1b) && !ran.0.stderr.contains(&0x1b));
    ran.assert().code(1).stdout(contains("not started"));
}

/// Noise and rudeness are no reason against a program whose command starts.
#[rstest]
fn a_program_that_is_rude_is_judged(
    #[values("gigabyte.sh", "kills.sh", "closes.sh")] program: &str,
    #[values(RootInRoot, RootInUser, UserInUser)] setting: Setting,
) {
    let Some(stage) = Stage::new(setting.who()) else { return };
    let Some(path) = stage.program(program) else { return };
    let mut grader =
        stage.grader(["run", "--attempt", "mount", "--format", "json", "--decoy", setting.decoy()]);
    grader.arg(path);
    let ran = stage.run(grader);
    let report = ran.report();
    let mount = check(&report, program, "mount");
    // Who kills everything that it can name kills itself with it, or not: it never blocks.
    if program == "kills.sh" {
        assert_ne!(mount.verdict, "BLOCKED", "{}", mount.why);
    } else {
        assert_eq!(mount.verdict, "ESCAPED", "{}", mount.why);
    }
}

#[test]
fn without_user_namespaces_an_ordinary_user_can_judge_nothing() {
    let Some(stage) = Stage::new(Who::User) else { return };
    let mut grader = stage.grader(["run", "--attempt", "mount", "/bin/true"]);
    no_user_namespaces(&mut grader, Who::User);
    let limit = || fs::read_to_string("/proc/sys/user/max_user_namespaces").unwrap_or_default();
    let before = limit();
    let ran = stage.run(grader);
    assert_eq!(limit(), before, "the machine's own limit");
    ran.assert()
        .code(3)
        .stdout(contains("can't be judged here").and(contains("sysctl").or(contains("sudo"))));
}

#[test]
fn without_a_loop_device_the_disk_is_not_judged() {
    let Some(stage) = Stage::new(Who::User) else { return };
    let Some(path) = stage.program("outside.sh") else { return };
    let mut grader =
        stage.grader(["run", "--attempt", "raw-disk", "--attempt", "shell-pid", "--format", "json"]);
    grader.args(["--decoy", "root"]).arg(path);
    root_of_nothing(&mut grader, Who::User);
    let report = stage.run(grader).report();
    let disk = check(&report, "outside.sh", "raw-disk");
    assert_eq!((disk.verdict.as_str(), disk.cause.as_deref()), ("INCONCLUSIVE", Some("machine")));
    assert!(disk.why.contains("no decoy disk"), "{}", disk.why);
    assert_eq!(check(&report, "outside.sh", "shell-pid").verdict, "ESCAPED");
}

#[rstest]
fn a_full_disk_is_named(
    #[values("XDG_CACHE_HOME", "TMPDIR")] variable: &str,
    #[values(Who::Root, Who::User)] who: Who,
) {
    let Some(stage) = Stage::new(who) else { return };
    let small = stage.directory("small");
    let mut grader = stage.grader(["run", "--attempt", "mount", "/bin/true"]);
    grader.env(variable, &small);
    small_disk(&mut grader, who, &small, 65_536);
    let ran = stage.run(grader);
    ran.assert()
        .code(1)
        .stdout(is_empty())
        .stderr(contains("No space left on device").and(contains("small")));
    assert_eq!(fs::read_dir(&small).unwrap().count(), 0);
}

#[rstest]
fn a_report_on_a_full_disk_leaves_no_half_of_it(#[values(Who::Root, Who::User)] who: Who) {
    let Some(stage) = Stage::new(who) else { return };
    let Some(path) = stage.program("outside.sh") else { return };
    let small = stage.directory("small");
    let script = "\"$@\"; code=$?; ls -A small; exit $code";
    let mut shell = stage.script(script, ["run", "--format", "json", "--decoy", "user"]);
    shell.args(["--output", "small/report.json"]).arg(path);
    small_disk(&mut shell, who, &small, 4096);
    let ran = stage.run(shell);
    if ran.code() == Some(3) {
        skip("no decoy host can be made in a user namespace here");
        return;
    }
    ran.assert().code(1).stdout(is_empty()).stderr(contains("writing small/report.json"));
}
