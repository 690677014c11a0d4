//! Which kind of decoy host code gets without a word: a student's never the root kind.

use crate::common::stage::{Stage, Who, skip};
use crate::common::warm;
use grader::judge::points::Rubric;
use grader::labs::Workspace;
use grader::report::{Cause, DecoyKind, Verdict};
use grader::student::starter;
use predicates::prelude::*;
use predicates::str::contains;
use rstest::rstest;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

/// What is said on standard error where somebody's code gets real root.
const WARNING: &str = "--decoy root runs this code as real root";

/// Root, with cargo.
fn stage() -> Option<Stage> {
    if Command::new("cargo").arg("--version").output().is_err() {
        skip("needs cargo");
        return None;
    }
    Stage::new(Who::Root)
}

fn inside(stage: &Stage, place: &Path, words: &[&str]) -> Command {
    let mut grader = stage.grader(words);
    let cargo = stage.path("warm-cargo");
    warm::write_cargo(&cargo);
    grader.current_dir(place).env("CARGO", cargo);
    warm::cargo_settings(&mut grader);
    grader
}

/// The labs as the grader carries them, in a workspace of somebody's.
fn labs(stage: &Stage) -> PathBuf {
    let place = stage.directory("labs");
    Workspace::alone().unwrap().write(&place).unwrap();
    place
}

const LAB0: [&str; 6] = ["run", "lab0", "--attempt", "mount", "--format", "json"];

#[rstest]
fn a_lab_of_a_students_is_a_students_code(#[values(&[], &["--decoy", "root"])] typed: &[&str]) {
    let Some(stage) = stage() else { return };
    let place = stage.directory("mine");
    starter::source().unwrap().write(&place).unwrap();
    let ran = stage.run(inside(&stage, &place, &[&LAB0, typed].concat()));
    let said = String::from_utf8_lossy(&ran.0.stderr).into_owned();
    let expected = if typed.is_empty() { DecoyKind::User } else { DecoyKind::Root };
    assert_eq!(ran.report().decoy, expected, "{said}");
    assert_eq!(said.contains(WARNING), expected == DecoyKind::Root, "{said}");
}

#[test]
fn the_reference_labs_are_in_a_root_decoy_wherever_they_lie() {
    let Some(stage) = stage() else { return };
    let place = labs(&stage);
    let ran = stage.run(inside(&stage, &place, &LAB0));
    assert_eq!(ran.report().decoy, DecoyKind::Root);
    assert!(!String::from_utf8_lossy(&ran.0.stderr).contains(WARNING));
    // Of what lies around there nothing was used, and nothing made.
    assert!(!place.join("target").exists());
    // Where there is no workspace at all.
    let ran = stage.run(inside(&stage, &stage.path("tmp"), &LAB0));
    assert_eq!(ran.report().decoy, DecoyKind::Root);
}

/// Cargo takes for built what lies in `target` with the right times: so what is there is not run as root.
#[test]
fn what_somebody_has_put_into_a_target_directory_is_not_run() {
    let Some(stage) = stage() else { return };
    let place = labs(&stage);
    let built = inside(&stage, &place, &[&LAB0[..], &["--decoy", "user"]].concat());
    assert_eq!(stage.run(built).report().decoy, DecoyKind::User);
    let script = "#!/bin/sh\nexit 7\n";
    let programs = fs::read_dir(place.join("target/container-labs/debug/deps")).unwrap().flatten();
    let is_program = |path: &PathBuf| {
        let name = path.file_name().unwrap().to_string_lossy().into_owned();
        name.starts_with("lab0_chroot-") && path.extension().is_none()
    };
    let programs: Vec<PathBuf> = programs.map(|entry| entry.path()).filter(is_program).collect();
    assert!(!programs.is_empty());
    for program in programs {
        // Without a link of the grader's own to it, and with the time that it had.
        let time = fs::metadata(&program).unwrap().modified().unwrap();
        fs::remove_file(&program).unwrap();
        fs::write(&program, script).unwrap();
        fs::set_permissions(&program, std::os::unix::fs::PermissionsExt::from_mode(0o755)).unwrap();
        fs::File::options().write(true).open(&program).unwrap().set_modified(time).unwrap();
        let shown = place.join("target/container-labs/debug/lab0-chroot");
        fs::remove_file(&shown).unwrap();
        fs::hard_link(&program, &shown).unwrap();
    }
    let ran = stage.run(inside(&stage, &place, &LAB0));
    let report = ran.report();
    assert_eq!(report.decoy, DecoyKind::Root);
    let (_, check) = report.checks().next().unwrap();
    assert_eq!(check.verdict, Verdict::Escaped, "lab 0 ran, and not the script: {check:?}");
    // Who takes what lies there is taken in.
    let fooled = stage.run(inside(&stage, &place, &[&LAB0[..], &["--decoy", "user"]].concat())).report();
    let (_, check) = fooled.checks().next().unwrap();
    assert_eq!(
        check.verdict,
        Verdict::Inconclusive,
        "cargo has built it anew: this test shows nothing: {check:?}"
    );
}

#[rstest]
#[case::an_edited_lab("lab0-chroot/src/lib.rs")]
#[case::a_build_script("common/build.rs")]
#[case::settings_of_cargos(".cargo/config.toml")]
fn what_is_not_the_reference_to_the_byte_is_somebodys(#[case] file: &str) {
    let Some(stage) = stage() else { return };
    let place = labs(&stage);
    let path = place.join(file);
    fs::create_dir_all(path.parent().unwrap()).unwrap();
    let text = fs::read_to_string(&path).unwrap_or_default();
    let more = match file {
        "common/build.rs" => "//! Nothing.\nfn main() {}\n",
        _ if file.ends_with(".toml") => "# nothing\n",
        _ => "// nothing\n",
    };
    fs::write(&path, text + more).unwrap();
    assert_eq!(stage.run(inside(&stage, &place, &LAB0)).report().decoy, DecoyKind::User);
    // The other commands ask the same function.
    if file != "common/build.rs" {
        return;
    }
    let told = inside(&stage, &place, &["try", "mount", "--in", "lab0"]);
    stage.run(told).assert().success().stderr(contains(WARNING).not());
    let knocked = inside(&stage, &place, &["knockout", "lab0", "--format", "json"]);
    let report: serde_json::Value = serde_json::from_slice(&stage.run(knocked).0.stdout).unwrap();
    assert_eq!(report["decoy"], "user");
}

#[test]
fn a_program_gets_a_user_decoy_and_root_is_said() {
    let Some(stage) = Stage::new(Who::Root) else { return };
    let words = [
        "run",
        "--attempt",
        "mount",
        "--format",
        "json",
        "--program",
        "unshare --mount chroot {rootfs} {command}",
    ];
    let ran = stage.run(stage.grader(words));
    assert_eq!(ran.report().decoy, DecoyKind::User);
    assert!(ran.0.stderr.is_empty());
    let ran = stage.run(stage.grader(words.iter().chain(&["--decoy", "root"])));
    assert_eq!(ran.report().decoy, DecoyKind::Root);
    ran.assert().stderr(contains(WARNING).and(predicate::function(|text: &str| text.lines().count() == 1)));
}

/// A node of the container's own under the name of the disk: another device of the machine's. It is not even opened.
#[test]
fn another_disk_than_the_decoys_is_not_read() {
    let Some(stage) = Stage::new(Who::Root) else { return };
    // 1:0, a RAM disk: where there is none, to open it would load a module, or fail.
    let program = stage.path("exchanges");
    let script = "#!/bin/sh\nr=$1; shift\nmkdir -p $r/dev; rm -f $r/dev/sda; mknod $r/dev/sda b 1 0\nexec chroot $r \"$@\"\n";
    fs::write(&program, script).unwrap();
    fs::set_permissions(&program, std::os::unix::fs::PermissionsExt::from_mode(0o755)).unwrap();
    let words = ["run", "--attempt", "raw-disk", "--format", "json", "--decoy", "root", "./exchanges"];
    let report = stage.run(stage.grader(words)).report();
    let (_, check) = report.checks().next().unwrap();
    assert_eq!(check.verdict, Verdict::Inconclusive, "{check:?}");
    if check.cause == Some(Cause::Machine) {
        return skip("no decoy disk");
    }
    let why = "the attacker gave up before its decisive call: /dev/sda is no node of the decoy host's disk";
    assert_eq!(check.why, why);
}

/// Options without a command are those of `run`.
#[test]
fn options_alone_are_those_of_run() {
    let Some(stage) = Stage::new(Who::User) else { return };
    for words in [
        &["--print-rubric"][..],
        &["--format", "json", "nothing-there"],
        &["--nonsense"],
        &["--check", "none"],
    ] {
        let [alone, run] = [words.to_vec(), [&["run"], words].concat()].map(|words| {
            let output = stage.run(stage.grader(words)).0;
            (output.status.code(), output.stdout, output.stderr)
        });
        assert_eq!(alone, run, "{words:?}");
    }
    let help = |words: &[&str]| stage.run(stage.grader(words)).0.stdout;
    assert_ne!(help(&["--help"]), help(&["run", "--help"]));
    assert_eq!(help(&["--decoy", "user", "--help"]), help(&["run", "--decoy", "user", "--help"]));
}

/// What an ordinary user's machine can't judge stands beside the points, in each format, with one number.
#[test]
fn beside_the_points_stands_what_was_not_asked() {
    let Some(stage) = Stage::new(Who::User) else { return };
    let Some(program) = stage.program("lab3-pivot") else { return };
    let program = program.to_str().unwrap();
    let report = stage.run(stage.grader(["run", program, "--format", "json"])).report();
    let target = &report.targets[0];
    assert!(target.not_asked_here > 0);
    let whole = Rubric::standard();
    let mut nothing = target.clone();
    for check in &mut nothing.checks {
        (check.verdict, check.cause) = (Verdict::Inconclusive, Some(Cause::Machine));
    }
    whole.fill_in(&mut nothing);
    assert_eq!(target.max_points, nothing.max_points, "the same on every machine");
    let row = format!("not asked here        {} checks", target.not_asked_here);
    let told = stage.run(stage.grader(["run", program])).assert();
    told.stdout(contains(row).and(contains("will be asked where it can be judged, and counts there")));
}
