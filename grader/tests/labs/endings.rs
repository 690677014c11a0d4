//! How a command ends, and how the lab tells.

use crate::running::End;
use crate::stage::{Lab, Lab::*, Stage, Who, Who::*, finish};
use nix::sys::resource::{Resource, setrlimit};
use nix::sys::signal::{Signal, kill};
use predicates::prelude::*;
use rstest::rstest;
use std::io;
use std::os::unix::process::CommandExt;

#[rstest]
fn the_status_is_passed_on(
    #[values(Chroot, Namespaces, Mounts, Pivot)] lab: Lab,
    #[values(Root, User)] who: Who,
    #[values(0, 3, 255)] status: i32,
) {
    let Some(stage) = Stage::new(lab, who) else { return };
    let told = format!("Exited with status {status}\n");
    stage.script(&format!("exit {status}")).code(status).stdout("").stderr(told);
}

#[rstest]
fn the_output_is_unchanged(
    #[values(Chroot, Namespaces, Mounts, Pivot)] lab: Lab,
    #[values(Root, User)] who: Who,
) {
    let Some(stage) = Stage::new(lab, who) else { return };
    stage
        .script(r"printf 'a\0b\377\n\nno end'; printf 'an error' >&2")
        .success()
        .stdout(predicate::eq(b"a\0b\xff\n\nno end".as_slice()))
        .stderr("an errorExited with status 0\n");
}

#[rstest]
fn quiet_says_nothing(
    #[values(Chroot, Namespaces, Mounts, Pivot)] lab: Lab,
    #[values(Root, User)] who: Who,
    #[values("exit 3", "kill -KILL $$; exit 3")] script: &str,
) {
    let Some(stage) = Stage::new(lab, who) else { return };
    let rootfs = stage.rootfs();
    let words = ["--quiet".as_ref(), rootfs.as_os_str(), "/bin/sh".as_ref(), "-c".as_ref(), script.as_ref()];
    // A PID 1 can't kill itself: then the script goes on, and exits.
    let code = if lab == Chroot && script.starts_with("kill") { 137 } else { 3 };
    stage.run(words).code(code).stdout("").stderr("");
}

#[rstest]
fn arguments_arrive_as_they_are(
    #[values(Chroot, Namespaces, Mounts, Pivot)] lab: Lab,
    #[values(Root, User)] who: Who,
) {
    let Some(stage) = Stage::new(lab, who) else { return };
    let rootfs = stage.rootfs();
    let script = r#"printf '[%s]' "$@""#;
    let mut program = stage.program();
    program.arg(&rootfs).args(["/bin/sh", "-c", script, "name", "", "two words", "--quiet", "*"]);
    finish(program).success().stdout("[][two words][--quiet][*]");
}

/// A fault is no signal that one process sends to another: it also ends a PID 1 that has no handler for it.
#[rstest]
fn a_real_fault(#[values(Chroot, Namespaces, Mounts, Pivot)] lab: Lab, #[values(Root, User)] who: Who) {
    let Some(stage) = Stage::new(lab, who) else { return };
    let mut program = stage.program();
    program.arg(stage.rootfs()).arg("/fault");
    // SAFETY: one system call, in a child that the program then replaces. It keeps core files away.
    unsafe { program.pre_exec(|| setrlimit(Resource::RLIMIT_CORE, 0, 0).map_err(io::Error::from)) };
    finish(program).code(139).stdout("").stderr("Killed by signal 11\n");
}

#[rstest]
fn killed_by_the_host(#[values(Chroot, Namespaces, Mounts, Pivot)] lab: Lab, #[values(Root, User)] who: Who) {
    let Some(stage) = Stage::new(lab, who) else { return };
    let mut running = stage.start(&[], "echo ready; read line");
    assert_eq!(running.line(), "ready");
    kill(running.command(), Signal::SIGKILL).unwrap();
    assert_eq!(running.end(), End::new(137, "Killed by signal 9\n"));
}
