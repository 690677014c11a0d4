//! Programs that are no labs, as a person grades them: what they are called, and what the report says of them.

use crate::common::stage::{Stage, Who, check, skip};
use grader::report::Verdict;
use predicates::prelude::*;
use predicates::str::contains;
use std::fs::{self, Permissions};
use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::process::Command;

/// A script in a directory of its own.
fn script(stage: &Stage, name: &str, text: &str) {
    let path = stage.path(name);
    stage.directory(Path::new(name).parent().unwrap().to_str().unwrap());
    fs::write(&path, format!("#!/bin/sh\n{text}\n")).unwrap();
    fs::set_permissions(path, Permissions::from_mode(0o755)).unwrap();
}

/// What a chroot alone is, where there is chroot(8).
const CHROOT: &str = r#"exec chroot "$@""#;

fn has_chroot() -> bool {
    let has = Command::new("chroot").arg("--version").output().is_ok();
    if !has {
        skip("needs chroot(8)");
    }
    has
}

#[test]
fn two_with_one_file_name_have_two_names_and_a_template_has_the_one_that_it_was_given() {
    let Some(stage) = Stage::new(Who::User) else { return };
    for name in ["one/container", "two/container"] {
        script(&stage, name, "exit 7");
    }
    let template = "sh ./one/container {rootfs} {command}";
    let run = |words: &[&str]| {
        let fixed = ["run", "--check", "starts", "--format", "json"];
        stage.run(stage.grader(fixed.iter().chain(words))).report().targets
    };
    let targets = run(&["one/container", "two/container", "--program", template, "--name", "alice"]);
    let names: Vec<&str> = targets.iter().map(|target| target.name.as_str()).collect();
    assert_eq!(names, ["one/container", "two/container", "alice"]);
    // One alone needs no more than its name, whatever calls it.
    assert_eq!(run(&["--program", template])[0].name, "container");
    for (words, why) in [
        (&["--program", template, "--name", "a", "--name", "b"][..], "there are 2 names, and 1 templates"),
        (&["--program", template, "--name", " "], "a name can't be empty"),
        (&["--name", "a"], "--program"),
    ] {
        stage.run(stage.grader([&["run"], words].concat())).assert().code(2).stderr(contains(why));
    }
}

#[test]
fn the_worst_comes_first_with_what_is_missing_and_nobody_is_told_of_labs_or_points() {
    let Some(stage) = Stage::new(Who::User) else { return };
    if !has_chroot() {
        return;
    }
    script(&stage, "naive/container", CHROOT);
    let out = stage.run(stage.grader(["run", "naive/container"]));
    let text = String::from_utf8_lossy(&out.0.stdout).into_owned();
    let line = |begin: &str| {
        let found = text.lines().position(|line| line.starts_with(begin));
        found.unwrap_or_else(|| panic!("no {begin} in\n{text}"))
    };
    assert!(line("container chroot-escape: ESCAPED") < line("container sysv-shm: ESCAPED"), "{text}");
    assert!(line("container sysv-shm: ESCAPED") < line("container devices: FAILS"), "{text}");
    assert!(line("container devices: FAILS") < line("container no-other-program: FAILS"), "{text}");
    for part in [
        ": no IPC namespace of its own; docs/src/lab1-namespaces.md\n",
        ": no_new_privs is not set; docs/src/catalogue.md\n",
        "\nfix first: container ",
    ] {
        assert!(text.contains(part), "{part:?} is missing in\n{text}");
    }
    let last = text.lines().last().unwrap();
    assert!(last.contains("the host's whole tree") || last.contains("docs/src/lab"), "{last}");
    assert!(!text.contains("reached") && !text.contains(" points  "), "{text}");

    fs::write(stage.path("mine.toml"), "[lab1-namespaces]\npoints = 3\n").unwrap();
    let out = stage.run(stage.grader(["run", "--rubric", "mine.toml", "naive/container"]));
    out.assert().stdout(contains(" points  ").and(contains(" of 3")));
}

#[test]
fn all_that_a_program_says_is_shown_and_not_its_last_line_alone() {
    let Some(stage) = Stage::new(Who::User) else { return };
    script(&stage, "says/container", "echo 'mount: no such device' >&2; printf '\\033[2Jbye\\n' >&2; exit 7");
    let shown = r"container starts: FAILS (the program exited with status 7 before its command started; it said: mount: no such device | \u{1b}[2Jbye)
    standard error: mount: no such device
    standard error: \u{1b}[2Jbye
";
    let out = stage.run(stage.grader(["run", "--check", "starts", "says/container"]));
    out.assert().code(1).stdout(contains(shown));
    let report =
        stage.run(stage.grader(["run", "--check", "mount", "--format", "json", "says/container"])).report();
    let evidence = &check(&report, "container", "mount").evidence;
    assert!(evidence.contains(&"standard error: mount: no such device".into()), "{evidence:?}");
}

/// It is won one time in four.
#[test]
fn a_race_is_run_until_it_is_won_with_the_terminal_that_it_wants() {
    let Some(stage) = Stage::new(Who::User) else { return };
    if !has_chroot() {
        return;
    }
    let race = r#"[ -t 2 ] || exit 1
read random </proc/sys/kernel/random/uuid
case "$random" in [0-3]*) exec chroot "$@";; esac
exit 1"#;
    script(&stage, "race/container", race);
    let words =
        ["run", "--format", "json", "--check", "sysv-shm", "--check", "hostname-read", "--check", "starts"];
    let report = stage.run(stage.grader(words.iter().chain(&["race/container"]))).report();
    for id in ["sysv-shm", "hostname-read"] {
        let check = check(&report, "container", id);
        // One time in thirty all of its starts are lost; then nothing is said.
        let unlucky = check.why.contains("before its command started");
        assert!(check.verdict == Verdict::Escaped || unlucky, "{check:#?}");
    }
}

/// As a host has them: each hierarchy with a controller, and two names for the one that has both.
#[test]
fn a_decoy_has_the_control_groups_of_the_machine() {
    let Some(stage) = Stage::new(Who::Root) else { return };
    let own = fs::read_to_string("/proc/self/cgroup").unwrap();
    let names = own.lines().filter_map(|line| line.split(':').nth(1)).filter(|it| !it.starts_with("name="));
    let names: Vec<&str> = names.flat_map(|names| names.split(',')).filter(|name| !name.is_empty()).collect();
    let mounted = |name: &&str| Path::new("/sys/fs/cgroup").join(name).is_dir();
    let names: Vec<&str> = names.into_iter().filter(mounted).collect();
    if names.is_empty() {
        return skip("needs v1 hierarchies of control groups");
    }
    script(
        &stage,
        "groups/container",
        r#"for name in /sys/fs/cgroup/*; do mkdir $name/x && echo ${name##*/} >&2; done; exit 7"#,
    );
    for decoy in ["user", "root"] {
        let words = ["run", "--format", "json", "--check", "starts", "--decoy", decoy, "groups/container"];
        let report = stage.run(stage.grader(words)).report();
        let evidence = &check(&report, "container", "starts").evidence;
        let both = ["cpu", "cpuacct"].iter().all(|name| names.contains(name)).then_some("cpu,cpuacct");
        for name in names.iter().copied().chain(both) {
            // Two names of one hierarchy: in one of them the group is there by then.
            let said =
                |line: &String| line.contains(&format!(": {name}")) || line.contains(&format!("/{name}/x"));
            assert!(evidence.iter().any(said), "{decoy}: {name}: {evidence:?}");
        }
    }
}
