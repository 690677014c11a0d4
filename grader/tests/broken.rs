//! Lab 3, broken in one thing at a time by what stands between it and its caller. A works check that holds in each of
//! these would be no check.

mod common;

use common::programs;
use common::stage::{Ran, Setting, Stage, skip};
use grader::report::TargetReport;
use rstest::rstest;
use std::fs::{self, Permissions};
use std::os::unix::fs::PermissionsExt;
use std::process::Command;

/// What each does with the lab, which it is given as `"$@"`: the program, the directory, the command. Then the works
/// checks that fall short of it. That it executes another program, the lab, falls short in all of them.
const BROKEN: &[(&str, &str, &[&str])] = &[
    ("nothing", r#"exec "$@""#, &[]),
    ("output", r#"exec "$@" >/dev/null"#, &["output"]),
    ("errors", r#"exec "$@" 2>/dev/null"#, &["output"]),
    // Where there is no terminal, nothing is /dev/console.
    ("input", r#"exec "$@" </dev/null"#, &["input", "terminal", "console"]),
    ("terminal", r#"if [ -t 0 ]; then exec "$@" </dev/null; fi; exec "$@""#, &["terminal", "console"]),
    // A shell that waits for the lab dies of a signal, and the lab lives on.
    ("success", r#"trap '' INT TERM HUP; "$@"; exit 0"#, &["exit-status", "signal-status", "signals"]),
    ("one-or-none", r#""$@" || exit 1"#, &["exit-status", "signals"]),
    ("no-255", r#""$@"; status=$?; [ $status = 255 ] && exit 1; exit $status"#, &["exit-status", "signals"]),
    (
        "forgives-a-signal",
        r#""$@"; status=$?; [ $status -gt 128 ] && [ $status != 255 ] && exit 0; exit $status"#,
        &["signal-status", "signals"],
    ),
    (
        "waits-on",
        r#""$@"; status=$?; [ $status = 137 ] && exec sleep 60; exit $status"#,
        &["signal-status", "signals"],
    ),
    ("absolute", r#"case "$2" in /*) exec "$@";; esac; echo no >&2; exit 1"#, &["odd-path"]),
    ("splits", r#"exec $@"#, &["odd-path"]),
    ("slash", r#"case "$2" in */) exit 1;; esac; exec "$@""#, &["odd-path"]),
    (
        "one-at-a-time",
        r#"mkdir /tmp/one || exit 1; "$@"; status=$?; rmdir /tmp/one; exit $status"#,
        &["two-at-once", "signals"],
    ),
    (
        "read-only",
        r#"exec unshare --mount sh -c 'mount --bind "$2" "$2" && mount -o remount,bind,ro "$2" && exec "$@"' sh "$@""#,
        // mount(8) leaves a file.
        &["rootfs-writable", "nothing-left"],
    ),
    ("writes", r#"mkdir "$2/old" && rmdir "$2/old" && exec "$@""#, &["read-only-rootfs"]),
    ("deaf", r#"trap '' INT TERM HUP; "$@"; exit $?"#, &["signals"]),
    ("leaves", r#"touch /tmp/left; exec "$@""#, &["nothing-left"]),
];

/// The works checks that fall short, but for the one that always does.
fn fell_short(target: &TargetReport) -> Vec<&str> {
    let short = target.checks.iter().filter(|check| check.verdict != "WORKS");
    short.map(|check| check.id.as_str()).filter(|id| *id != "no-other-program").collect()
}

/// Grades programs by the works checks alone.
fn graded(stage: &Stage, setting: Setting, words: impl IntoIterator<Item = String>) -> Ran {
    let ids = attempts::works::ALL.iter().flat_map(|work| ["--attempt", work.id]);
    let fixed = ["run", "--format", "json", "--decoy", setting.decoy()];
    stage.run(stage.grader(fixed.into_iter().chain(ids).map(str::to_owned).chain(words)))
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
    let directory = stage.directory("broken");
    let program = directory.join("lab3-pivot");
    fs::copy(lab, &program).unwrap();
    let template = |(name, script, _): &(&str, &str, &[&str])| {
        let path = directory.join(name);
        fs::write(&path, format!("#!/bin/sh\n{script}\n")).unwrap();
        fs::set_permissions(&path, Permissions::from_mode(0o755)).unwrap();
        format!("{} {} {{rootfs}} {{command}}", path.display(), program.display())
    };
    let templates: Vec<String> = BROKEN.iter().map(template).collect();
    let report =
        graded(&stage, setting, templates.into_iter().flat_map(|it| ["--program".into(), it])).report();
    let mut wrong = Vec::new();
    for ((name, _, expected), target) in BROKEN.iter().zip(&report.targets) {
        let mut expected = expected.to_vec();
        expected.sort_by_key(|id| attempts::works::ALL.iter().position(|work| work.id == *id));
        if fell_short(target) != expected {
            let whys = target.checks.iter().filter(|check| check.verdict != "WORKS");
            let whys: Vec<_> = whys.map(|check| format!("{}: {}", check.id, check.why)).collect();
            wrong.push(format!("{name}: {whys:#?}, and not {expected:?}"));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

/// Lab 0 has no PID namespace, and whoever runs it need not be root inside.
#[rstest]
#[case::a_child_is_left("lab0-chroot {rootfs} {command}", "no-child-left")]
#[case::not_root("unshare --user --map-user=7 --keep-caps chroot {rootfs} {command}", "root-inside")]
fn others_fall_short_of_what_lab_3_can_not_lack(#[case] template: &str, #[case] id: &str) {
    let setting = Setting::RootInUser;
    let Some(stage) = Stage::new(setting.who()) else { return };
    let Some(lab) = programs::labs().and_then(|labs| labs.into_iter().next()) else { return };
    let directory = stage.directory("others");
    fs::copy(lab, directory.join("lab0-chroot")).unwrap();
    let path =
        if template.starts_with("lab0") { format!("{}/", directory.display()) } else { "/usr/bin/".into() };
    let report = graded(&stage, setting, ["--program".into(), path + template]).report();
    let checks = &report.targets[0].checks;
    assert_eq!(checks.iter().find(|check| check.id == "starts").unwrap().verdict, "WORKS", "{checks:#?}");
    let check = checks.iter().find(|check| check.id == id).unwrap();
    assert_eq!(check.verdict, "FAILS", "{check:#?}");
}
