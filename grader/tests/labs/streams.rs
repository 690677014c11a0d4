//! Standard input: a pipe, a terminal. Streams that take nothing.

use crate::host::{pending, wait_until};
use crate::running::{End, Running};
use crate::stage::{Lab, Lab::*, PATIENCE, Stage, Who, Who::*, own_mounts};
use nix::libc;
use nix::mount::{MsFlags, mount};
use nix::pty::openpty;
use nix::sys::ptrace::{self, Options};
use nix::sys::signal::{Signal, kill};
use nix::sys::wait::{WaitPidFlag, WaitStatus, waitpid};
use nix::unistd::{Pid, setsid};
use predicates::prelude::*;
use rstest::rstest;
use std::fs::File;
use std::io::{self, Write};
use std::os::fd::{AsRawFd, OwnedFd};
use std::os::unix::process::CommandExt;
use std::process::{Command, Stdio};

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

/// Where a stream leads that takes nothing: a full device, a pipe that nobody reads, nowhere.
#[derive(Clone, Copy)]
enum Sink {
    Full,
    Broken,
    Closed,
}

/// The program's exit code with such a stream on a descriptor.
fn code_with(mut program: Command, sink: Sink, descriptor: i32) -> Option<i32> {
    let stream: OwnedFd = match sink {
        Sink::Full | Sink::Closed => File::options().write(true).open("/dev/full").unwrap().into(),
        Sink::Broken => io::pipe().unwrap().1.into(),
    };
    let put = move || {
        // SAFETY: both calls take numbers; the stream is held by this closure.
        match unsafe {
            match sink {
                Sink::Closed => libc::close(descriptor),
                _ => libc::dup2(stream.as_raw_fd(), descriptor),
            }
        } {
            -1 => Err(io::Error::last_os_error()),
            _ => Ok(()),
        }
    };
    // SAFETY: a system call, in a child that the program then replaces.
    unsafe { program.stdin(Stdio::null()).stdout(Stdio::null()).pre_exec(put) };
    program.status().unwrap().code()
}

#[rstest]
fn standard_error_that_takes_nothing_changes_no_exit_code(
    #[values(Chroot, Namespaces, Mounts, Pivot)] lab: Lab,
    #[values(Root, User)] who: Who,
    #[values(Sink::Full, Sink::Broken, Sink::Closed)] sink: Sink,
) {
    let Some(stage) = Stage::new(lab, who) else { return };
    let ends: [(&[&str], i32); 5] = [
        (&["/bin/sh", "-c", "exit 0"], 0),
        (&["/bin/sh", "-c", "exit 7"], 7),
        (&["/fault"], 128 + libc::SIGSEGV),
        (&["/no/such/command"], 255),
        // No command at all: how it is called.
        (&[], 1),
    ];
    for (words, code) in ends {
        let mut program = stage.program();
        program.arg(stage.rootfs()).args(words);
        assert_eq!(code_with(program, sink, 2), Some(code), "{words:?}");
    }
    let mut program = stage.program();
    program.arg("--help");
    assert_eq!(code_with(program, sink, 1), Some(0));
}

/// A lab whose standard input and controlling terminal is a new terminal, and that terminal's other end.
fn on_a_terminal(stage: &Stage, script: &str) -> (Running, File) {
    let mut program = stage.program();
    program.arg(stage.rootfs()).args(["/bin/sh", "-c", script]);
    start_on_a_terminal(stage, program)
}

fn start_on_a_terminal(stage: &Stage, mut program: Command) -> (Running, File) {
    let pty = openpty(None, None).unwrap();
    if stage.who == User {
        // A login gives the terminal to who logs in.
        let _ = nix::unistd::fchown(&pty.slave, Some(crate::stage::USER.into()), None);
    }
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

/// As nsenter(1) gives one, or a container that another one's terminal was handed into: no `/dev/pts` here has it, or
/// the name is another one's.
#[rstest]
fn a_terminal_without_a_name_is_no_console(
    #[values(Chroot, Namespaces, Mounts, Pivot)] lab: Lab,
    #[values(Root, User)] who: Who,
    #[values("tmpfs", "devpts")] over: &'static str,
) {
    let Some(stage) = Stage::new(lab, who) else { return };
    let mut program = stage.program();
    let script =
        "test -t 0 && echo terminal; test -c /dev/console || echo none; read line; echo \"read $line\"";
    program.arg(stage.rootfs()).args(["/bin/sh", "-c", script]);
    own_mounts(&stage, &mut program, move || {
        mount(Some(over), "/dev/pts", Some(over), MsFlags::empty(), None::<&str>)
    });
    let (mut running, mut keyboard) = start_on_a_terminal(&stage, program);
    assert_eq!(running.line(), "terminal");
    assert_eq!(running.line(), "none");
    keyboard.write_all(b"a line\n").unwrap();
    assert_eq!(running.line(), "read a line");
    assert_eq!(running.end(), End::new(0, "Exited with status 0\n"));
}

/// Nor is one that has hung up: standard input is at its end.
#[rstest]
fn a_terminal_that_has_hung_up(#[values(Mounts, Pivot)] lab: Lab, #[values(Root, User)] who: Who) {
    let Some(stage) = Stage::new(lab, who) else { return };
    let pty = openpty(None, None).unwrap();
    drop(pty.master);
    let mut program = stage.program();
    program.arg(stage.rootfs()).args(["/bin/sh", "-c", "read line || echo end"]);
    let running = Running::start_on(program, pty.slave.into());
    assert_eq!(running.end().lines, ["end"]);
}

/// The terminal sends an interrupt to all of its foreground group. Where the command is in that group, the lab
/// must not forward it as well; where it has a session of its own (lab 3), the lab must.
///
/// Two that wait at the same time would be one (signal(7)): so a tracer holds the command at the first.
#[rstest]
fn an_interrupt_from_the_terminal_arrives_once(
    #[values(Chroot, Namespaces, Mounts, Pivot)] lab: Lab,
    #[values(Root, User)] who: Who,
) {
    let Some(stage) = Stage::new(lab, who) else { return };
    let (mut running, mut keyboard) = on_a_terminal(&stage, "echo ready; exec cat");
    assert_eq!(running.line(), "ready");
    let command = running.command();
    ptrace::seize(command, Options::empty()).unwrap();
    keyboard.write_all(b"\x03").unwrap();
    assert_eq!(next_signal(command), Signal::SIGINT);

    // The lab reads the interrupt before this one, and what it forwards arrives in the same order.
    kill(running.pid(), Signal::SIGTERM).unwrap();
    wait_until(|| pending(command, Signal::SIGTERM));
    ptrace::cont(command, None).unwrap();
    assert_eq!(next_signal(command), Signal::SIGTERM);

    ptrace::detach(command, Signal::SIGKILL).unwrap();
    assert_eq!(running.end(), End::new(137, "Killed by signal 9\n"));
}

/// The next signal that a traced process gets. It is held there.
fn next_signal(process: Pid) -> Signal {
    let mut signal = None;
    wait_until(|| match waitpid(process, Some(WaitPidFlag::__WALL | WaitPidFlag::WNOHANG)).unwrap() {
        WaitStatus::StillAlive => false,
        WaitStatus::Stopped(_, stopped_by) => signal.replace(stopped_by).is_none(),
        other => panic!("{other:?}"),
    });
    signal.unwrap()
}
