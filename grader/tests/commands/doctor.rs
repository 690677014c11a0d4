//! The examination of this machine, and of one where user namespaces are forbidden.

use crate::common::confined::no_user_namespaces;
use crate::common::stage::{Ran, Stage, Who};
use rstest::rstest;
use std::fs::{self, Permissions};
use std::os::unix::fs::PermissionsExt;
use std::path::PathBuf;
use std::process::Command;

const LIMIT: &str = "/proc/sys/user/max_user_namespaces";

/// What came out: a page of 80 columns, without colours. Commands and paths are in one piece, however long.
fn page(ran: &Ran) -> String {
    let page = String::from_utf8(ran.0.stdout.clone()).unwrap();
    assert!(!page.contains('\x1b'), "{page}");
    for line in page.lines() {
        let is_command = line.trim_start().starts_with("fix:") || line.contains("sudo ");
        let ends_in_a_path = line.split_whitespace().last().is_some_and(|word| word.starts_with('/'));
        assert!(is_command || ends_in_a_path || line.chars().count() <= 80, "{line}");
    }
    page
}

/// Runs it as an ordinary user in a user namespace whose own limit on user namespaces is 0. The machine's stays.
fn forbidden(stage: &Stage, mut grader: Command) -> Ran {
    let before = fs::read_to_string(LIMIT).unwrap();
    no_user_namespaces(&mut grader, stage.who);
    let ran = stage.run(grader);
    assert_eq!(fs::read_to_string(LIMIT).unwrap(), before);
    assert_eq!(ran.code(), Some(3), "{ran:?}");
    ran
}

/// The command that runs the grader as root.
fn sudo(stage: &Stage) -> String {
    format!("sudo {}", stage.path("grader").canonicalize().unwrap().display())
}

#[rstest]
fn whoever_asks_the_exit_code_is_what_the_page_says(#[values(Who::Root, Who::User)] who: Who) {
    let Some(stage) = Stage::new(who) else { return };
    let ran = stage.run(stage.grader(["doctor"]));
    let page = page(&ran);
    let works = page.lines().any(|line| line.contains("decoy ") && line.contains("works: "));
    assert_eq!(ran.code(), Some(if works { 0 } else { 3 }), "{page}");
    assert!(page.lines().last().is_some_and(|line| works || !line.is_empty()), "{page}");
}

#[test]
fn where_user_namespaces_are_forbidden_the_last_line_is_the_command_that_helps() {
    let Some(stage) = Stage::new(Who::User) else { return };
    let page = page(&forbidden(&stage, stage.grader(["doctor"])));
    assert_eq!(page.lines().last(), Some(sudo(&stage).as_str()), "{page}");
    assert!(page.contains("user.max_user_namespaces is 0"), "{page}");
    assert!(page.contains("sudo sysctl -w user.max_user_namespaces=15000"), "{page}");
}

/// A cargo that says of each lab that it is `/bin/true`: what is asked here is what the matrix says, and the
/// ordinary user may have no cargo.
fn stand_in_for_cargo(stage: &Stage) -> PathBuf {
    let (text, cargo) = (stage.path("cargo.sh"), stage.path("cargo"));
    let message = r#"{"reason":"compiler-artifact","target":{"name":"%s"},"executable":"/bin/true"}\n"#;
    let find = "while [ $# -gt 1 ] && [ \"$1\" != --package ]; do shift; done";
    fs::write(&text, format!("#!/bin/sh\n{find}\nprintf '{message}' \"$2\"\n")).unwrap();
    fs::set_permissions(&text, Permissions::from_mode(0o755)).unwrap();
    // By another program: had this process the file open for writing, a fork in another thread would keep it so for a
    // moment, and it could not be executed.
    assert!(Command::new("cp").args([&text, &cargo]).status().unwrap().success());
    cargo
}

#[test]
fn a_matrix_that_judges_nothing_ends_with_the_command_that_helps() {
    let Some(stage) = Stage::new(Who::User) else { return };
    let cargo = stand_in_for_cargo(&stage);
    let last = |words: &str| {
        let mut grader = stage.grader(words.split_whitespace());
        grader.env("CARGO", &cargo);
        let ran = forbidden(&stage, grader);
        String::from_utf8_lossy(&ran.0.stdout).lines().last().unwrap_or_default().to_owned()
    };
    assert_eq!(last(""), sudo(&stage));
    assert_eq!(last("run lab1 --check reboot"), format!("{} run lab1 --check reboot", sudo(&stage)));
    // The limit is also root's, and root would still put this program into a user namespace.
    assert_eq!(last("run /bin/true --check reboot"), "sudo sysctl -w user.max_user_namespaces=15000");
}

#[test]
fn json_stays_json_where_nothing_is_judged() {
    let Some(stage) = Stage::new(Who::User) else { return };
    let words = ["run", "/bin/true", "--check", "reboot", "--format", "json"];
    let ran = forbidden(&stage, stage.grader(words));
    let report: serde_json::Value = serde_json::from_slice(&ran.0.stdout).unwrap();
    assert_eq!(report["targets"][0]["checks"][0]["cause"], "machine");
    let said = String::from_utf8_lossy(&ran.0.stderr);
    assert_eq!(said.lines().last(), Some("sudo sysctl -w user.max_user_namespaces=15000"), "{said}");
}
