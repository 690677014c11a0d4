//! Bad input: a clear error or an INCONCLUSIVE with its reason, the right exit code, and nothing left behind.
//! What a test needs is small and its own; the machine's own limits stay as they are.

use crate::common::confined::{no_user_namespaces, root_of_nothing, small_disk};
use crate::common::stage::{Setting, Stage, Who, check, skip};
use grader::report::{Cause, Report, Verdict};
use predicates::prelude::PredicateBooleanExt;
use predicates::str::{contains, is_empty, starts_with};
use rstest::rstest;
use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::sync::OnceLock;

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
#[case::with_the_command_within_a_word("/bin/echo {rootfs} x{command}", "{command} is missing")]
#[case::misspelled(
    "/bin/echo {rotfs} {command}",
    "{rotfs} is not a placeholder; there are {rootfs}, {command}, {id}"
)]
#[case::empty("", "{command} is missing")]
fn a_template_that_is_none_is_named(#[case] template: &str, #[case] why: &str) {
    let Some(stage) = Stage::new(Who::User) else { return };
    let grader = stage.grader(["run", "--attempt", "mount", "--program", template]);
    stage.run(grader).assert().code(2).stdout(is_empty()).stderr(contains(why));
}

/// What is wrong with a rubric: the line is named, and nothing is graded.
#[rstest]
#[case::a_wrong_lab("[lab1-namespaces]\npoints = 1\n[lab9]\npoints = 1\n", "wrong.toml:3: lab9: no such lab")]
#[case::a_wrong_check(
    "[lab1-namespaces]\npoints = 1\nweights = { reboto = 1 }\n",
    "wrong.toml:3: reboto: no such check"
)]
#[case::of_another_lab(
    "[lab1-namespaces]\npoints = 1\n[lab1-namespaces.weights]\nraw-disk = 1\n",
    "wrong.toml:4: raw-disk: a check of lab2-mounts"
)]
#[case::a_negative_weight(
    "[lab1-namespaces]\npoints = 1\nweights = { reboot = -2 }\n",
    "wrong.toml:3: reboot = -2"
)]
#[case::negative_points("# mine\n[lab1-namespaces]\npoints = -1\n", "wrong.toml:3: points = -1")]
#[case::two_rows(
    "[lab1-namespaces]\npoints = 1\n[lab1-namespaces.weights]\nreboot = 1\nreboot = 1\n",
    "wrong.toml:5: duplicate key"
)]
#[case::two_labs("[lab1-namespaces]\npoints = 1\n[lab1-namespaces]\npoints = 1\n", "wrong.toml:3: ")]
#[case::a_sum_of_zero("[lab1-namespaces]\npoints = 0\n", "wrong.toml:1: the points of all parts sum to zero")]
#[case::no_table("points\n", "wrong.toml:1: ")]
fn a_rubric_that_is_wrong_is_named_by_its_line(
    #[case] text: &str,
    #[case] why: &str,
    #[values(&["--print-rubric"], &["lab0"], &["--format", "json", "--output", "report.json"])]
    words: &[&str],
) {
    let Some(stage) = Stage::new(Who::User) else { return };
    fs::write(stage.path("wrong.toml"), text).unwrap();
    let grader = stage.grader([&["run", "--rubric", "wrong.toml"], words].concat());
    let error = starts_with(format!("grader: {why}"));
    stage.run(grader).assert().code(2).stdout(is_empty()).stderr(error);
    assert!(!stage.path("report.json").exists());
}

#[rstest]
#[case::missing("missing.toml", "No such file or directory")]
#[case::a_directory("tmp", "Is a directory")]
fn a_rubric_that_is_none_is_named(#[case] name: &str, #[case] why: &str) {
    let Some(stage) = Stage::new(Who::User) else { return };
    let grader = stage.grader(["run", "--rubric", name, "--print-rubric"]);
    let error = contains(format!("can't read the rubric {name}")).and(contains(why));
    stage.run(grader).assert().code(2).stdout(is_empty()).stderr(error);
}

/// What never lets its command start, and what lets it start.
const HARMFUL: [&str; 7] =
    ["hangs.sh", "forks.sh", "memory.sh", "disk.sh", "tmpfs.sh", "escapes.sh", "deletes.sh"];
const RUDE: [&str; 3] = ["gigabyte.sh", "kills.sh", "closes.sh"];

/// The programs of one kind, all in one run. Trials end after so many seconds, if that is sooner than they would.
fn graded(programs: &[&str], limit: u32, setting: Setting) -> Option<&'static Report> {
    type Reports = [OnceLock<Option<Report>>; 3];
    static REPORTS: [Reports; 2] = [const { [const { OnceLock::new() }; 3] }; 2];
    let grade = || {
        let stage = Stage::new(setting.who())?;
        let mut grader =
            stage.grader(["run", "--attempt", "mount", "--format", "json", "--decoy", setting.decoy()]);
        let programs = programs.iter().map(|program| stage.program(program)).collect::<Option<Vec<_>>>()?;
        grader.args(&programs).env("CONTAINER_LABS_TRIAL_LIMIT", limit.to_string());
        let ran = stage.run(grader);
        assert_eq!(ran.code(), Some(1), "{ran:?}");
        assert!(programs.iter().all(|program| program.exists()), "what they delete is the decoy's copy");
        Some(ran.report())
    };
    REPORTS[usize::from(programs[0] == RUDE[0])][setting as usize].get_or_init(grade).as_ref()
}

/// What never lets its command start is said to do so; nothing of it is blocked.
#[rstest]
fn a_program_that_harms_is_ended(#[values(RootInRoot, RootInUser, UserInUser)] setting: Setting) {
    // Some of them use up the time of a trial.
    let Some(report) = graded(&HARMFUL, 2, setting) else { return };
    for program in HARMFUL {
        let mount = check(report, program, "mount");
        let found = (mount.verdict, mount.cause);
        assert_eq!(found, (Verdict::Inconclusive, Some(Cause::Target)), "{program}: {mount:?}");
        assert!(mount.why.contains("start"), "{program}: {}", mount.why);
    }
    assert!(check(report, "hangs.sh", "mount").why.contains("within 2 s"), "{report:#?}");
}

/// Noise and rudeness are no reason against a program whose command starts.
#[rstest]
fn a_program_that_is_rude_is_judged(#[values(RootInRoot, RootInUser, UserInUser)] setting: Setting) {
    // No limit can be made longer.
    let Some(report) = graded(&RUDE, 1000, setting) else { return };
    for program in RUDE {
        let mount = check(report, program, "mount");
        // Who kills everything that it can name kills itself with it, or not: it never blocks. A busy machine may need
        // more than the time of a trial for a gigabyte.
        match program {
            "kills.sh" => assert_ne!(mount.verdict, Verdict::Blocked, "{}", mount.why),
            "gigabyte.sh" if mount.why.contains("within 10 s") => {}
            _ => assert_eq!(mount.verdict, Verdict::Escaped, "{program}: {}", mount.why),
        }
    }
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

#[rstest]
fn no_terminal_escape_in_a_name_gets_out(#[values(0o755, 0o644)] mode: u32) {
    let Some(stage) = Stage::new(Who::User) else { return };
    let name = "\u{1b}[31mred\u{9b}0m";
    fs::write(stage.path(name), "#!/bin/sh\n").unwrap();
    fs::set_permissions(stage.path(name), fs::Permissions::from_mode(mode)).unwrap();
    let ran = stage.run(stage.grader(["run", "--attempt", "mount", "--decoy", "user", name]));
    assert_eq!(ran.code(), Some(if mode == 0o755 { 1 } else { 2 }));
    for text in [&ran.0.stdout, &ran.0.stderr] {
        let text = String::from_utf8_lossy(text);
        assert!(!text.contains(['\u{1b}', '\u{9b}']), "{text:?}");
    }
}

/// Beside the grader's own files it would be copied with these, and with its own copy, into the decoy.
#[rstest]
fn a_program_may_lie_in_the_temporary_directory(
    #[values(RootInRoot, RootInUser, UserInUser)] setting: Setting,
) {
    let Some(stage) = Stage::new(setting.who()) else { return };
    let Some(path) = stage.program("outside.sh") else { return };
    let mut grader =
        stage.grader(["run", "--attempt", "mount", "--format", "json", "--decoy", setting.decoy()]);
    grader.env("TMPDIR", path.parent().unwrap()).arg(&path);
    let report = stage.run(grader).report();
    assert_eq!(check(&report, "outside.sh", "mount").verdict, Verdict::Escaped);
    assert_eq!(fs::read_dir(path.parent().unwrap()).unwrap().count(), 1, "left behind");
}

/// By a path from where the person stands, which is another place.
#[rstest]
fn a_program_may_lie_elsewhere(#[values(RootInRoot, RootInUser, UserInUser)] setting: Setting) {
    let Some(stage) = Stage::new(setting.who()) else { return };
    let Some(_) = stage.program("outside.sh") else { return };
    let here = stage.directory("here");
    let mut grader =
        stage.grader(["run", "--attempt", "mount", "--format", "json", "--decoy", setting.decoy()]);
    grader.arg("../programs/outside.sh/outside.sh").current_dir(here);
    let report = stage.run(grader).report();
    assert_eq!(check(&report, "outside.sh", "mount").verdict, Verdict::Escaped);
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
    assert_eq!((disk.verdict, disk.cause), (Verdict::Inconclusive, Some(Cause::Machine)));
    assert!(disk.why.contains("no decoy disk"), "{}", disk.why);
    assert_eq!(check(&report, "outside.sh", "shell-pid").verdict, Verdict::Escaped);
}

#[rstest]
fn a_full_disk_is_named(
    #[values("XDG_CACHE_HOME", "TMPDIR")] variable: &str,
    #[values(Who::Root, Who::User)] who: Who,
) {
    let Some(stage) = Stage::new(who) else { return };
    let small = stage.directory("small");
    // What is left on it can be seen from where it is mounted.
    let script = "\"$@\"; code=$?; find small -type f; exit $code";
    let mut shell = stage.script(script, ["run", "--attempt", "mount", "/bin/true"]);
    shell.env(variable, &small);
    small_disk(&mut shell, who, &small, 65_536);
    let error = contains("No space left on device").and(contains("small"));
    stage.run(shell).assert().code(1).stdout(is_empty()).stderr(error);
}

#[rstest]
fn a_report_on_a_full_disk_leaves_the_old_one(#[values(Who::Root, Who::User)] who: Who) {
    let Some(stage) = Stage::new(who) else { return };
    let Some(path) = stage.program("outside.sh") else { return };
    let small = stage.directory("small");
    let script =
        "echo old >small/report.json; \"$@\"; code=$?; ls -A small; cat small/report.json; exit $code";
    let mut shell = stage.script(script, ["run", "--format", "json", "--decoy", "user"]);
    shell.args(["--output", "small/report.json"]).arg(path);
    small_disk(&mut shell, who, &small, 4096);
    let ran = stage.run(shell);
    if ran.code() == Some(3) {
        skip("no decoy host can be made in a user namespace here");
        return;
    }
    ran.assert().code(1).stdout("report.json\nold\n").stderr(contains("writing small/report.json"));
}

#[test]
fn a_report_that_nobody_takes_is_an_error() {
    let Some(stage) = Stage::new(Who::User) else { return };
    let Some(path) = stage.program("exits.sh") else { return };
    let mut shell = stage.script("\"$@\" >/dev/full", ["run", "--attempt", "mount", "--decoy", "user"]);
    shell.arg(path);
    stage.run(shell).assert().code(1).stderr(contains("writing the report: No space left on device"));
}

/// Who wants no errors gets none, and the exit code that it would have had.
#[rstest]
#[case(&["run", "/no/such/program"], 2)]
#[case(&["run", "--no-such-option"], 2)]
#[case(&["pack", "--check", "/no/such/file"], 2)]
#[case(&["explain", "no-such-thing"], 2)]
#[case(&["starter", "/proc/no/such"], 1)]
fn errors_that_nobody_takes_are_none(#[case] words: &[&str], #[case] code: i32) {
    let Some(stage) = Stage::new(Who::User) else { return };
    let shell = stage.script("\"$@\" 2>/dev/full", words);
    stage.run(shell).assert().code(code);
}
