//! What the labs say to a command line that they can't use.

use crate::stage::{Lab, Lab::*, Stage, Who, Who::*};
use predicates::prelude::*;
use rstest::rstest;
use std::fs::{self, Permissions};
use std::os::unix::fs::PermissionsExt;

/// One line that ends here.
fn line(text: String) -> impl Predicate<str> {
    predicate::eq(text + "\n")
}

#[rstest]
fn too_few_arguments(
    #[values(Chroot, Namespaces, Mounts, Pivot)] lab: Lab,
    #[values(Root, User)] who: Who,
    #[values(&[], &["/"], &["--quiet"], &["--quiet", "/"], &["--", "/"])] words: &[&str],
) {
    let Some(stage) = Stage::new(lab, who) else { return };
    let usage = format!("Usage: {} [options] <directory> <command> [args...]\n", lab.name());
    stage.run(words).code(1).stdout("").stderr(predicate::str::starts_with(usage));
}

#[rstest]
#[case("--no-such-option", "unknown option --no-such-option")]
#[case("-x", "unknown option -x")]
fn an_unknown_option(
    #[values(Chroot, Namespaces, Mounts, Pivot)] lab: Lab,
    #[values(Root, User)] who: Who,
    #[case] option: &str,
    #[case] reason: &str,
) {
    let Some(stage) = Stage::new(lab, who) else { return };
    let begin = format!("{}: {reason}\nUsage: ", lab.name());
    stage.run([option, "/", "true"]).code(1).stdout("").stderr(predicate::str::starts_with(begin));
}

#[rstest]
fn an_unknown_namespace(#[values(Namespaces, Mounts, Pivot)] lab: Lab, #[values(Root, User)] who: Who) {
    let Some(stage) = Stage::new(lab, who) else { return };
    let names = "cgroup, ipc, mount, network, pid, time, uts";
    let begin = format!("{}: --share takes one of {names}\nUsage: ", lab.name());
    stage.run(["--share", "dreams", "/", "true"]).code(1).stderr(predicate::str::starts_with(begin.clone()));
    stage.run(["--share"]).code(1).stderr(predicate::str::starts_with(begin));
}

#[rstest]
fn help(#[values(Chroot, Namespaces, Mounts, Pivot)] lab: Lab, #[values(Root, User)] who: Who) {
    let Some(stage) = Stage::new(lab, who) else { return };
    stage.run(["--help"]).success().stdout(predicate::str::starts_with("Usage: ")).stderr("");
}

/// Lab 0 makes no namespace that could be asked for or left out.
#[rstest]
fn each_lab_has_its_own_options(
    #[values(Chroot, Namespaces, Mounts, Pivot)] lab: Lab,
    #[values(Root, User)] who: Who,
) {
    let Some(stage) = Stage::new(lab, who) else { return };
    let mut options = vec!["--quiet        don't print how the command ended"];
    if lab != Chroot {
        options.push("--userns       make a user namespace also as root");
        options.push("--share NAME   stay in the host's namespace NAME (may be repeated)");
    }
    options.push("--help         print this text");
    let end = format!("\n\nOptions:\n  {}\n", options.join("\n  "));
    stage.run(["--help"]).success().stdout(predicate::str::ends_with(end));
    if lab == Chroot {
        let begin = "lab0-chroot: unknown option --userns\nUsage: ";
        stage.run(["--userns", "/", "true"]).code(1).stderr(predicate::str::starts_with(begin));
    }
}

#[rstest]
fn a_missing_directory(
    #[values(Chroot, Namespaces, Mounts, Pivot)] lab: Lab,
    #[values(Root, User)] who: Who,
) {
    let Some(stage) = Stage::new(lab, who) else { return };
    let expected = format!("{}: no/such place: No such file or directory", lab.name());
    stage.run(["no/such place", "/bin/true"]).code(1).stdout("").stderr(line(expected));
}

#[rstest]
fn a_file_in_place_of_a_directory(
    #[values(Chroot, Namespaces, Mounts, Pivot)] lab: Lab,
    #[values(Root, User)] who: Who,
) {
    let Some(stage) = Stage::new(lab, who) else { return };
    fs::write(stage.own.path().join("file"), "").unwrap();
    let expected = format!("{}: file: Not a directory", lab.name());
    stage.run(["file", "/bin/true"]).code(1).stdout("").stderr(line(expected));
}

/// Root reads every directory.
#[rstest]
fn a_directory_that_cannot_be_read(#[values(Chroot, Namespaces, Mounts, Pivot)] lab: Lab) {
    let Some(stage) = Stage::new(lab, User) else { return };
    let closed = stage.own.path().join("closed");
    fs::create_dir(&closed).unwrap();
    fs::set_permissions(&closed, Permissions::from_mode(0o000)).unwrap();
    let expected = format!("{}: closed: Permission denied", lab.name());
    let assert = stage.run(["closed", "/bin/true"]);
    // Else nobody could remove it.
    fs::set_permissions(&closed, Permissions::from_mode(0o755)).unwrap();
    assert.code(1).stdout("").stderr(line(expected));
}

#[rstest]
#[case("/no/such", "No such file or directory")]
#[case("no-such-name", "No such file or directory")]
#[case("/bin", "Permission denied")]
fn a_command_that_cannot_be_executed(
    #[values(Chroot, Namespaces, Mounts, Pivot)] lab: Lab,
    #[values(Root, User)] who: Who,
    #[case] command: &str,
    #[case] reason: &str,
) {
    let Some(stage) = Stage::new(lab, who) else { return };
    let rootfs = stage.rootfs();
    let expected = format!("{}: {command}: {reason}", lab.name());
    stage.run([rootfs.as_os_str(), command.as_ref()]).code(255).stdout("").stderr(line(expected));
}

/// A step in the middle: `/proc` is mounted by then.
#[rstest]
fn a_step_that_fails(#[values(Mounts, Pivot)] lab: Lab, #[values(Root, User)] who: Who) {
    let Some(stage) = Stage::new(lab, who) else { return };
    let rootfs = stage.copy("rootfs");
    fs::remove_dir_all(rootfs.join("tmp")).unwrap();
    fs::write(rootfs.join("tmp"), "a file").unwrap();
    let expected = format!("{}: tmp: Not a directory", lab.name());
    stage.run([rootfs.as_os_str(), "/bin/true".as_ref()]).code(1).stdout("").stderr(line(expected));
}
