//! A lab that is killed: its command, and all of the container, end with it.

use crate::host::processes_with;
use crate::running::Running;
use crate::stage::{Lab, Lab::*, Stage, Who, Who::*};
use crate::traces::script;
use nix::sys::ptrace::{self, Event, Options};
use nix::sys::signal::{Signal, kill};
use nix::sys::wait::{WaitPidFlag, WaitStatus, waitpid};
use nix::unistd::Pid;
use rstest::rstest;
use std::io;
use std::os::unix::process::CommandExt;
use std::process::{Command, Stdio};

/// SIGKILL, and one that the lab doesn't forward. In lab 0, which has no PID namespace, only the command itself ends.
#[rstest]
fn the_command_ends_with_the_lab(
    #[values(Chroot, Namespaces, Mounts, Pivot)] lab: Lab,
    #[values((Root, false), (Root, true), (User, false))] (who, userns): (Who, bool),
    #[values(Signal::SIGKILL, Signal::SIGALRM)] signal: Signal,
) {
    let Some(stage) = Stage::new(lab, who) else { return };
    let options: &[&str] = if userns && lab != Chroot { &["--userns"] } else { &[] };
    let word = stage.own.path().file_name().unwrap().to_str().unwrap();
    let more = if lab == Chroot { "" } else { "/bin/sh -c 'while :; do sleep 1; done' sh \"$1\" &" };
    let text = format!("{more} echo ready; read line");
    let mut running = Running::start(script(&stage, options, &stage.rootfs(), &text, word));
    assert_eq!(running.line(), "ready");
    kill(running.pid(), signal).unwrap();
    // Nobody holds its output any more.
    assert_eq!(running.end().code, None);
    assert_eq!(processes_with(word), []);
}

/// The race of prctl(2): the lab ends before its child has asked for the signal that it would get then.
#[rstest]
fn a_command_whose_lab_has_ended_is_not_executed(
    #[values(Chroot, Namespaces, Mounts, Pivot)] lab: Lab,
    #[values((Root, false), (Root, true), (User, false))] (who, userns): (Who, bool),
) {
    let Some(stage) = Stage::new(lab, who) else { return };
    let mut program = stage.program();
    program.args((userns && lab != Chroot).then_some("--userns")).arg(stage.rootfs()).arg("/bin/true");
    let child = child_of_a_dead_lab(program);
    // By nobody's hand but its own.
    ptrace::setoptions(child, Options::PTRACE_O_EXITKILL | Options::PTRACE_O_TRACEEXEC).unwrap();
    ptrace::cont(child, None).unwrap();
    let end = waitpid(child, Some(WaitPidFlag::__WALL)).unwrap();
    assert_eq!(end, WaitStatus::Exited(child, 1), "it executed the command");
}

/// Runs the program until it has a child, and kills it there. The child is traced, and has yet to begin.
fn child_of_a_dead_lab(mut program: Command) -> Pid {
    // SAFETY: one system call, in a child that the program then replaces.
    unsafe { program.pre_exec(|| ptrace::traceme().map_err(io::Error::from)) };
    let lab = Pid::from_raw(program.stdin(Stdio::null()).spawn().unwrap().id() as i32);
    let wait = |pid| waitpid(pid, Some(WaitPidFlag::__WALL)).unwrap();
    assert_eq!(wait(lab), WaitStatus::Stopped(lab, Signal::SIGTRAP));
    ptrace::setoptions(lab, Options::PTRACE_O_EXITKILL | Options::PTRACE_O_TRACEFORK).unwrap();
    ptrace::cont(lab, None).unwrap();
    // So the kernel calls a clone(2) whose child ends with SIGCHLD (ptrace(2)).
    assert_eq!(wait(lab), WaitStatus::PtraceEvent(lab, Signal::SIGTRAP, Event::PTRACE_EVENT_FORK as i32));
    let child = Pid::from_raw(ptrace::getevent(lab).unwrap() as i32);
    assert_eq!(wait(child), WaitStatus::Stopped(child, Signal::SIGSTOP));
    kill(lab, Signal::SIGKILL).unwrap();
    assert_eq!(wait(lab), WaitStatus::Signaled(lab, Signal::SIGKILL, false));
    child
}

/// Nor does a test that is killed leave one behind: what a thread of it has started ends with the thread.
#[rstest]
fn a_lab_ends_with_the_test_that_started_it(#[values(Root, User)] who: Who) {
    let Some(stage) = Stage::new(Pivot, who) else { return };
    let start = || {
        let mut running = stage.start(&[], "echo ready; while :; do sleep 1; done");
        assert_eq!(running.line(), "ready");
        running
    };
    let running = std::thread::scope(|scope| scope.spawn(start).join().unwrap());
    assert_eq!(running.end().code, None);
}
