//! What a container does on its way, and what it leaves behind: nothing.

use crate::host::{Host, processes_with};
use crate::running::Running;
use crate::stage::{Lab, Lab::*, Stage, Who, Who::*, finish};
use nix::sys::ptrace::{self, Event, Options};
use nix::sys::signal::{Signal, kill};
use nix::sys::wait::{WaitPidFlag, WaitStatus, waitpid};
use nix::unistd::Pid;
use rstest::rstest;
use std::fs;
use std::io;
use std::os::unix::fs::MetadataExt;
use std::os::unix::process::CommandExt;
use std::path::Path;
use std::process::{Command, Stdio};

#[rstest]
fn no_other_program_is_executed(
    #[values(Chroot, Namespaces, Mounts, Pivot)] lab: Lab,
    #[values(Root, User)] who: Who,
) {
    let Some(stage) = Stage::new(lab, who) else { return };
    let mut program = stage.program();
    program.arg("--quiet").arg(stage.rootfs()).arg("/bin/true");
    let lab = inode(Path::new(program.get_program()));
    let command = inode(&stage.rootfs().join("bin/true"));
    assert_eq!(traced(program), Traced { executed: vec![lab, command], started: 1, code: 0 });
}

/// What a tracer saw of a program and of all that it started.
#[derive(Debug, PartialEq, Eq)]
struct Traced {
    /// The files that were executed: device and inode.
    executed: Vec<(u64, u64)>,
    /// How many processes were started, the first not counted.
    started: usize,
    /// The exit code of the first.
    code: i32,
}

fn inode(path: &Path) -> (u64, u64) {
    let file = fs::metadata(path).unwrap();
    (file.dev(), file.ino())
}

/// Runs a program to its end under ptrace(2).
fn traced(mut program: Command) -> Traced {
    // SAFETY: one system call, in a child that the program then replaces.
    unsafe { program.pre_exec(|| ptrace::traceme().map_err(io::Error::from)) };
    let first = Pid::from_raw(program.stdin(Stdio::null()).spawn().unwrap().id() as i32);
    let mut seen = Traced { executed: Vec::new(), started: 0, code: -1 };
    let executes = |process: Pid| inode(format!("/proc/{process}/exe").as_ref());
    // This thread's children only: other tests wait for theirs.
    let flags = WaitPidFlag::__WALL | WaitPidFlag::__WNOTHREAD;
    while let Ok(status) = waitpid(None, Some(flags)) {
        match status {
            // The stop after its own execve(2).
            WaitStatus::Stopped(process, Signal::SIGTRAP) if process == first && seen.executed.is_empty() => {
                let started =
                    Options::PTRACE_O_TRACEFORK | Options::PTRACE_O_TRACEVFORK | Options::PTRACE_O_TRACECLONE;
                let options = Options::PTRACE_O_EXITKILL | Options::PTRACE_O_TRACEEXEC | started;
                ptrace::setoptions(process, options).unwrap();
                seen.executed.push(executes(process));
                ptrace::cont(process, None).unwrap();
            }
            WaitStatus::PtraceEvent(process, _, event) => {
                if event == Event::PTRACE_EVENT_EXEC as i32 {
                    seen.executed.push(executes(process));
                } else {
                    seen.started += 1;
                }
                ptrace::cont(process, None).unwrap();
            }
            // How a new process begins.
            WaitStatus::Stopped(process, Signal::SIGSTOP) => ptrace::cont(process, None).unwrap(),
            WaitStatus::Stopped(process, signal) => ptrace::cont(process, signal).unwrap(),
            WaitStatus::Exited(process, code) if process == first => seen.code = code,
            _ => {}
        }
    }
    seen
}

/// Runs `container`, which gets a root file system of its own and a word that no other process has in its
/// command line, and looks at what is left.
fn leaves_nothing(lab: Lab, who: Who, prepare: impl Fn(&Path), container: impl Fn(&Stage, &Path, &str)) {
    let Some(stage) = Stage::new(lab, who) else { return };
    let rootfs = stage.copy("rootfs");
    let word = stage.own.path().file_name().unwrap().to_str().unwrap();
    prepare(&rootfs);
    let before = Host::now(&rootfs);
    container(&stage, &rootfs, word);
    assert_eq!(processes_with(word), [], "processes that are left");
    Host::now(&rootfs).assert_unchanged_since(&before, &rootfs);
}

/// The lab with a script that has `word` as its argument.
pub fn script(stage: &Stage, options: &[&str], rootfs: &Path, script: &str, word: &str) -> Command {
    let mut program = stage.program();
    program.args(options).arg(rootfs).args(["/bin/sh", "-c", script, "sh", word]);
    program
}

#[rstest]
fn nothing_is_left_after_a_normal_end(
    #[values(Chroot, Namespaces, Mounts, Pivot)] lab: Lab,
    #[values(Root, User)] who: Who,
) {
    leaves_nothing(
        lab,
        who,
        |_| (),
        |stage, rootfs, word| {
            finish(script(stage, &[], rootfs, "exit 3", word)).code(3);
        },
    );
}

/// Lab 0 has no PID namespace, which would end with its first process: what a command starts there stays.
#[rstest]
fn nothing_is_left_after_sigkill(
    #[values(Chroot, Namespaces, Mounts, Pivot)] lab: Lab,
    #[values(Root, User)] who: Who,
) {
    leaves_nothing(
        lab,
        who,
        |_| (),
        |stage, rootfs, word| {
            let start = if lab == Chroot { "" } else { "/bin/sh -c 'while :; do sleep 1; done' sh \"$1\" &" };
            let mut running =
                Running::start(script(stage, &[], rootfs, &format!("{start} echo ready; read line"), word));
            assert_eq!(running.line(), "ready");
            kill(running.command(), Signal::SIGKILL).unwrap();
            assert_eq!(running.end().code, Some(137));
        },
    );
}

#[rstest]
fn nothing_is_left_after_a_command_that_cannot_be_executed(
    #[values(Chroot, Namespaces, Mounts, Pivot)] lab: Lab,
    #[values(Root, User)] who: Who,
) {
    leaves_nothing(
        lab,
        who,
        |_| (),
        |stage, rootfs, word| {
            let mut program = stage.program();
            program.arg(rootfs).args(["/no/such/command", word]);
            finish(program).code(255);
        },
    );
}

/// By then most is mounted.
#[rstest]
fn nothing_is_left_after_an_error_half_way(
    #[values(Mounts, Pivot)] lab: Lab,
    #[values(Root, User)] who: Who,
) {
    let prepare = |rootfs: &Path| {
        fs::remove_dir_all(rootfs.join("run")).unwrap();
        fs::write(rootfs.join("run"), "a file").unwrap();
    };
    leaves_nothing(lab, who, prepare, |stage, rootfs, word| {
        finish(script(stage, &[], rootfs, "true", word)).code(1);
    });
}
