//! Standard input: a pipe, a terminal.

use crate::running::{End, Running};
use crate::stage::{Lab, Lab::*, PATIENCE, Stage, Who, Who::*};
use nix::libc;
use nix::pty::openpty;
use nix::sys::signal::{Signal, kill};
use nix::unistd::setsid;
use predicates::prelude::*;
use rstest::rstest;
use std::fs::File;
use std::io::{self, Write};
use std::os::unix::process::CommandExt;

#[rstest]
fn a_pipe(#[values(Chroot, Namespaces, Mounts, Pivot)] lab: Lab, #[values(Root, User)] who: Who) {
    let Some(stage) = Stage::new(lab, who) else { return };
    let bytes: Vec<u8> = (0..=255).cycle().take(1 << 20).collect();
    let mut program = stage.program();
    program.arg(stage.rootfs()).arg("cat");
    assert_cmd::Command::from_std(program)
        .timeout(PATIENCE)
        .write_stdin(bytes.clone())
        .assert()
        .success()
        .stdout(predicate::eq(bytes))
        .stderr("Exited with status 0\n");
}

/// A lab whose standard input and controlling terminal is a new terminal, and that terminal's other end.
fn on_a_terminal(stage: &Stage, script: &str) -> (Running, File) {
    let pty = openpty(None, None).unwrap();
    if stage.who == User {
        // A login gives the terminal to who logs in.
        let _ = nix::unistd::fchown(&pty.slave, Some(crate::stage::USER.into()), None);
    }
    let mut program = stage.program();
    program.arg(stage.rootfs()).args(["/bin/sh", "-c", script]);
    let own = || {
        setsid()?;
        // SAFETY: the ioctl takes a number.
        match unsafe { libc::ioctl(0, libc::TIOCSCTTY, 0) } {
            -1 => Err(io::Error::last_os_error()),
            _ => Ok(()),
        }
    };
    // SAFETY: two system calls, in a child that the program then replaces.
    unsafe { program.pre_exec(own) };
    (Running::start_on(program, pty.slave.into()), pty.master.into())
}

#[rstest]
fn a_terminal(#[values(Chroot, Namespaces, Mounts, Pivot)] lab: Lab, #[values(Root, User)] who: Who) {
    let Some(stage) = Stage::new(lab, who) else { return };
    let (mut running, mut keyboard) = on_a_terminal(
        &stage,
        "test -t 0 && echo terminal; read line; echo \"read $line\"; read line || echo end",
    );
    assert_eq!(running.line(), "terminal");
    keyboard.write_all(b"a line\n").unwrap();
    assert_eq!(running.line(), "read a line");
    keyboard.write_all(b"\x04").unwrap();
    assert_eq!(running.line(), "end");
    assert_eq!(running.end(), End::new(0, "Exited with status 0\n"));
}

#[rstest]
fn a_terminal_is_the_console(#[values(Mounts, Pivot)] lab: Lab, #[values(Root, User)] who: Who) {
    let Some(stage) = Stage::new(lab, who) else { return };
    let (mut running, mut keyboard) =
        on_a_terminal(&stage, "echo ready; read line </dev/console && echo \"read $line\"");
    assert_eq!(running.line(), "ready");
    keyboard.write_all(b"a line\n").unwrap();
    assert_eq!(running.line(), "read a line");
    assert_eq!(running.end(), End::new(0, "Exited with status 0\n"));
}

/// The terminal sends an interrupt to all of its foreground group. Where the command is in that group, the lab
/// must not forward it as well; where it has a session of its own (lab 3), the lab must.
#[rstest]
fn an_interrupt_from_the_terminal_arrives_once(
    #[values(Chroot, Namespaces, Mounts, Pivot)] lab: Lab,
    #[values(Root, User)] who: Who,
) {
    let Some(stage) = Stage::new(lab, who) else { return };
    let script = "n=0; trap 'n=$((n+1)); echo got $n' INT; trap 'echo in all $n; exit' TERM
        echo ready; while :; do sleep 0.05; done";
    let (mut running, mut keyboard) = on_a_terminal(&stage, script);
    assert_eq!(running.line(), "ready");
    keyboard.write_all(b"\x03").unwrap();
    assert_eq!(running.line(), "got 1");
    kill(running.pid(), Signal::SIGTERM).unwrap();
    assert_eq!(running.line(), "in all 1");
    assert_eq!(running.end(), End::new(0, "Exited with status 0\n"));
}
