//! Lab 3, broken in one thing at a time by what stands between it and its caller. A works check that holds in each of
//! these would be no check.

use crate::common::broken::{ALONE, BROKEN, IN_GROUPS};
use crate::common::stage::{Ran, Setting, Stage, check, skip};
use crate::common::{programs, warm};
use grader::labs::{self, Workspace};
use grader::report::{Check, TargetReport, Verdict};
use nix::unistd::geteuid;
use rstest::rstest;
use std::fs::{self, Permissions};
use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::process::Command;

/// The works checks that fall short. What is INCONCLUSIVE shows nothing.
fn fell_short(target: &TargetReport) -> Vec<String> {
    let short = target.checks.iter().filter(|check| check.verdict != Verdict::Works);
    let named = |check: &Check| match check.verdict {
        Verdict::Fails => check.id.clone(),
        other => format!("{} ({other})", check.id),
    };
    short.map(named).collect()
}

/// Grades programs by the works checks alone.
fn graded(stage: &Stage, setting: Setting, words: impl IntoIterator<Item = String>) -> Ran {
    let ids = attempts::works::ALL.iter().flat_map(|work| ["--attempt", work.id]);
    let fixed = ["run", "--format", "json", "--decoy", setting.decoy()];
    let mut grader = stage.grader(fixed.into_iter().chain(ids).map(str::to_owned).chain(words));
    // Some of them fall short by what never comes.
    grader.env("CONTAINER_LABS_TRIAL_LIMIT", "5");
    stage.run(grader)
}

#[rstest]
fn each_falls_short_of_what_it_breaks_and_of_nothing_else(
    #[values(Setting::RootInRoot, Setting::RootInUser, Setting::UserInUser)] setting: Setting,
) {
    let Some(stage) = Stage::new(setting.who()) else { return };
    if Command::new("unshare").arg("--version").output().is_err() {
        return skip("needs unshare(1)");
    }
    let Some(lab) = programs::labs().and_then(|labs| labs.into_iter().nth(3)) else { return };
    let in_groups = setting != Setting::UserInUser && Path::new(PIDS).is_dir();
    if !in_groups {
        skip("programs that use control groups need those of the pids controller");
    }
    let broken: Vec<_> = BROKEN.iter().chain(IN_GROUPS.iter().filter(|_| in_groups)).collect();
    let directory = stage.directory("broken");
    let program = directory.join("lab3-pivot");
    fs::copy(lab, &program).unwrap();
    let template = |(name, script, _): &&(&str, &str, &[&str])| {
        let path = directory.join(name);
        fs::write(&path, format!("#!/bin/sh\nPIDS={PIDS}\n{script}\n")).unwrap();
        fs::set_permissions(&path, Permissions::from_mode(0o755)).unwrap();
        format!("{} {} {{rootfs}} {{command}}", path.display(), program.display())
    };
    let templates: Vec<String> = broken.iter().map(template).collect();
    let report =
        graded(&stage, setting, templates.into_iter().flat_map(|it| ["--program".into(), it])).report();
    let mut wrong = Vec::new();
    for ((name, _, expected), target) in broken.iter().zip(&report.targets) {
        let mut expected = expected.to_vec();
        expected.sort_by_key(|id| attempts::works::ALL.iter().position(|work| work.id == *id));
        if fell_short(target) != expected {
            let whys = target.checks.iter().filter(|check| check.verdict != Verdict::Works);
            let whys: Vec<_> = whys.map(|check| format!("{}: {}", check.id, check.why)).collect();
            wrong.push(format!("{name}: {whys:#?}, and not {expected:?}"));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

/// Where the pids controller has its hierarchy, if it has one by itself (cgroups(7)).
const PIDS: &str = "/sys/fs/cgroup/pids";

/// It is the program itself once more, out of memory too; and what the template's own script calls is the script's.
#[rstest]
#[case::itself("{program} {rootfs} {command}", "")]
#[case::wrapped("env -u HOME {program} {rootfs} {command}", "")]
#[case::by_the_template(r#"sh -c '/bin/true; exec "$0" "$@"' {program} {rootfs} {command}"#, "")]
#[case::by_its_own_script("sh {script} {program} {rootfs} {command}", "/true")]
fn what_a_program_executes_beside_itself(#[case] template: &str, #[case] other: &str) {
    let setting = Setting::RootInUser;
    let Some(stage) = Stage::new(setting.who()) else { return };
    let Some(program) = stage.program("reexecs") else { return };
    let script = program.with_file_name("script.sh");
    fs::write(&script, "/bin/true\nexec \"$@\"\n").unwrap();
    let template = template
        .replace("{program}", &program.display().to_string())
        .replace("{script}", &script.display().to_string());
    let report = graded(&stage, setting, ["--program".into(), template]).report();
    let check = check(&report, &report.targets[0].name, "no-other-program");
    let expected = if other.is_empty() { Verdict::Works } else { Verdict::Fails };
    assert_eq!(check.verdict, expected, "{check:#?}");
    assert!(check.why.ends_with(other), "{check:#?}");
}

/// What changed is said, and not only that something did.
#[test]
fn what_of_the_mount_table_was_changed_is_told() {
    let setting = Setting::RootInUser;
    let Some(stage) = Stage::new(setting.who()) else { return };
    let Some(lab) = programs::labs().and_then(|labs| labs.into_iter().nth(3)) else { return };
    let directory = stage.directory("propagation");
    fs::copy(lab, directory.join("lab3-pivot")).unwrap();
    let template = format!(
        r#"sh -c 'mount --make-private /; exec "$0" "$@"' {}/lab3-pivot {{rootfs}} {{command}}"#,
        directory.display()
    );
    let report = graded(&stage, setting, ["--program".into(), template]).report();
    let check = check(&report, &report.targets[0].name, "nothing-left");
    let why = "the mount table was changed: the mount at /: its propagation was shared, now private";
    assert_eq!((check.verdict, check.why.as_str()), (Verdict::Fails, why), "{check:#?}");
}

/// Lab 0 has no PID namespace, and whoever runs it need not be root inside.
#[rstest]
#[case(ALONE[0])]
#[case(ALONE[1])]
#[case(ALONE[2])]
fn others_fall_short_of_what_lab_3_can_not_lack(#[case] (template, id): (&str, &str)) {
    let setting = Setting::RootInUser;
    let Some(stage) = Stage::new(setting.who()) else { return };
    let Some(lab) = programs::labs().and_then(|labs| labs.into_iter().next()) else { return };
    let directory = stage.directory("others");
    fs::copy(lab, directory.join("lab0-chroot")).unwrap();
    let path =
        if template.starts_with("lab0") { format!("{}/", directory.display()) } else { "/usr/bin/".into() };
    let report = graded(&stage, setting, ["--program".into(), path + template]).report();
    let checks = &report.targets[0].checks;
    assert_eq!(
        checks.iter().find(|check| check.id == "starts").unwrap().verdict,
        Verdict::Works,
        "{checks:#?}"
    );
    let check = checks.iter().find(|check| check.id == id).unwrap();
    assert_eq!(check.verdict, Verdict::Fails, "{check:#?}");
}

/// A lab whose child does not ask the kernel to be killed when it is. This is asked of labs alone, so it is one, in a
/// workspace of its own.
#[test]
fn a_command_that_outlives_its_lab_falls_short() {
    let setting = if geteuid().is_root() { Setting::RootInUser } else { Setting::UserInUser };
    let Some(stage) = Stage::new(setting.who()) else { return };
    let place = stage.directory("outlives");
    Workspace::alone().unwrap().write(&place).unwrap();
    // Before the change: what is older than the built crates would not be built again.
    if !warm::target(&place) {
        return;
    }
    let child = place.join("common/src/child.rs");
    let text = fs::read_to_string(&child).unwrap();
    let call = "    set_pdeathsig(Signal::SIGKILL).step(\"signals\")?;\n";
    assert!(text.contains(call));
    fs::write(&child, text.replace(call, "").replace("use nix::sys::prctl::set_pdeathsig;\n", "")).unwrap();
    let words = ["run", "lab0", "lab3", "--check", "killed", "--format", "json"];
    let mut grader = stage.grader(words);
    grader.current_dir(&place);
    warm::cargo_settings(&mut grader);
    let report = stage.run(grader).report();
    let found: Vec<_> = report.checks().map(|(of, check)| (of.name.as_str(), check.verdict)).collect();
    let [lab0, .., lab3] = labs::ALL;
    assert_eq!(found, [(lab0, Verdict::Fails), (lab3, Verdict::Fails)], "{report:#?}");
}
