//! Signals that reach the lab.

use crate::host::{pending, status, wait_until};
use crate::running::{End, Running};
use crate::stage::{Lab, Lab::*, Stage, Who, Who::*};
use grader::interrupts::as_by_default;
use nix::sys::signal::{SigHandler, Signal, kill, signal};
use rstest::rstest;
use std::os::unix::process::CommandExt;

/// A shell runs a trap between two commands: so it waits in short ones.
fn with_trap(trap: &str) -> String {
    format!("trap {trap}; echo ready; while :; do sleep 0.05; done")
}

#[rstest]
fn a_handler_is_called(
    #[values(Chroot, Namespaces, Mounts, Pivot)] lab: Lab,
    #[values(Root, User)] who: Who,
    #[values(Signal::SIGINT, Signal::SIGTERM, Signal::SIGHUP)] signal: Signal,
) {
    let Some(stage) = Stage::new(lab, who) else { return };
    let name = &signal.as_str()["SIG".len()..];
    let mut running = stage.start(&[], &with_trap(&format!("'echo got {name}; exit 7' {name}")));
    assert_eq!(running.line(), "ready");
    kill(running.pid(), signal).unwrap();
    assert_eq!(running.line(), format!("got {name}"));
    assert_eq!(running.end(), End::new(7, "Exited with status 7\n"));
}

#[rstest]
fn a_second_interrupt_kills_a_command_that_handles_the_first(
    #[values(Chroot, Namespaces, Mounts, Pivot)] lab: Lab,
    #[values(Root, User)] who: Who,
) {
    let Some(stage) = Stage::new(lab, who) else { return };
    let mut running = stage.start(&[], &with_trap("'echo not yet' INT"));
    assert_eq!(running.line(), "ready");
    kill(running.pid(), Signal::SIGINT).unwrap();
    assert_eq!(running.line(), "not yet");
    kill(running.pid(), Signal::SIGINT).unwrap();
    assert_eq!(running.end(), End::new(137, "Killed by signal 9\n"));
}

/// PID 1 of a PID namespace ignores a signal for which it has no handler; lab 0's command is none.
#[rstest]
fn interrupts_end_a_command_without_a_handler(
    #[values(Chroot, Namespaces, Mounts, Pivot)] lab: Lab,
    #[values(Root, User)] who: Who,
) {
    let Some(stage) = Stage::new(lab, who) else { return };
    // A shell may have a handler of its own.
    let mut running = stage.start(&[], "exec cat");
    running.say("ready");
    assert_eq!(running.line(), "ready");
    kill(running.pid(), Signal::SIGINT).unwrap();
    if lab == Chroot {
        assert_eq!(running.end(), End::new(130, "Killed by signal 2\n"));
        return;
    }
    // Two that wait at the same time would be one (signal(7)).
    wait_until(|| !pending(running.pid(), Signal::SIGINT));
    kill(running.pid(), Signal::SIGINT).unwrap();
    assert_eq!(running.end(), End::new(137, "Killed by signal 9\n"));
}

/// The lab blocks signals, and Rust's runtime ignores SIGPIPE: neither is for the command.
#[rstest]
fn the_command_inherits_the_callers_signals(
    #[values(Chroot, Namespaces, Mounts, Pivot)] lab: Lab,
    #[values(Root, User)] who: Who,
) {
    let Some(stage) = Stage::new(lab, who) else { return };
    let mut program = stage.program();
    // Whoever runs the tests may ignore some.
    as_by_default(&mut program);
    // SAFETY: one system call, in a child that the program then replaces; no handler of ours is installed.
    unsafe { program.pre_exec(|| Ok(signal(Signal::SIGUSR2, SigHandler::SigIgn).map(drop)?)) };
    // Not the shell's own process: a shell sets signals up for itself.
    program.arg(stage.rootfs()).args(["/bin/sh", "-c", "exec cat"]);
    let mut running = Running::start(program);
    running.say("ready");
    assert_eq!(running.line(), "ready");
    let mask = |process, field| {
        // Two signals are the C library's own, which sets them as it likes (nptl(7)).
        u64::from_str_radix(&status(process, field).unwrap(), 16).unwrap() & !(0b11 << 31)
    };
    assert_eq!(mask(running.command(), "SigIgn"), 1 << (Signal::SIGUSR2 as u64 - 1));
    // The standard library starts every program without a blocked signal.
    assert_eq!(mask(running.command(), "SigBlk"), 0);
}
