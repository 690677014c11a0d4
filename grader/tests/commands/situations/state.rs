//! What a process inherits over fork(2) and execve(2): signals, file modes, descriptors, attributes.

use super::Expected::{self, Machine, Same};
use super::{before, grade, stage};
use crate::common::stage::Who;
use nix::errno::Errno;
use nix::libc;
use nix::sys::signal::SigSet;
use rstest::rstest;
use std::fs;
use std::io;

/// A state, how a process comes to it, and what is to come of it.
type Row = (&'static str, fn() -> io::Result<()>, Expected);

const NO_NEW_PRIVS: Expected = Machine(&["no-new-privs"], "the grader was started with no_new_privs");

/// A system call, and its error.
macro_rules! call {
    ($call:expr) => {{
        // SAFETY: it takes numbers alone, or what outlives it.
        let result = unsafe { $call };
        Errno::result(result).map(drop).map_err(io::Error::from)
    }};
}

const ROWS: &[Row] = &[
    ("umask 0", || umask(0), Same),
    ("umask 027", || umask(0o027), Same),
    ("umask 077", || umask(0o077), Same),
    ("umask 0777", || umask(0o777), Same),
    ("CHLD ignored", || ignore(&[libc::SIGCHLD]), Same),
    ("INT and QUIT ignored", || ignore(&[libc::SIGINT, libc::SIGQUIT]), Same),
    ("PIPE ignored", || ignore(&[libc::SIGPIPE]), Same),
    ("all ignored", || (1..=64).try_for_each(|signal| ignore(&[signal])), Same),
    ("all blocked", || Ok(SigSet::all().thread_block()?), Same),
    ("no_new_privs", || Ok(nix::sys::prctl::set_no_new_privs()?), NO_NEW_PRIVS),
    ("no standard input", || close(&[0]), Same),
    ("no standard output", || close(&[1]), Same),
    ("no standard error", || close(&[2]), Same),
    ("no standard streams", || close(&[0, 1, 2]), Same),
    ("nice", || call!(libc::setpriority(libc::PRIO_PROCESS, 0, 19)), Same),
    ("SCHED_IDLE", idle, Same),
    ("one processor", one_processor, Same),
    ("same addresses", || call!(libc::personality(libc::ADDR_NO_RANDOMIZE as _)), Same),
    ("out of memory first", out_of_memory_first, Same),
    ("timer slack", || Ok(nix::sys::prctl::set_timerslack(1_000_000_000)?), Same),
    ("a session keyring", || call!(libc::syscall(libc::SYS_keyctl, 1, 0) as i32), Same),
    ("a subreaper", || Ok(nix::sys::prctl::set_child_subreaper(true)?), Same),
    ("many descriptors", || (20..120).try_for_each(|to| call!(libc::dup2(0, to))), Same),
];

#[rstest]
fn a_state_changes_no_verdict(#[values(Who::Root, Who::User)] who: Who) {
    let Some(stage) = stage(who) else { return };
    for &(name, enter, expected) in ROWS {
        grade(&stage, name, |it| before(it, enter), expected);
    }
}

/// Who has it started in the background, or by nohup(1), has these signals ignored: they end nothing.
#[test]
fn a_signal_that_was_ignored_does_not_end_a_run() {
    use std::io::Read;
    let Some(stage) = stage(Who::Root).or_else(|| stage(Who::User)) else { return };
    for ignored in [true, false] {
        let mut grader = stage.grader(["run", "--decoy", "user", "--attempt", "mount", "--program"]);
        grader.arg("sh -c 'sleep 2' {rootfs} {command}").stdout(std::process::Stdio::piped());
        if ignored {
            before(&mut grader, || ignore(&[libc::SIGHUP]));
        }
        let mut child = grader.spawn().unwrap();
        std::thread::sleep(std::time::Duration::from_secs(1));
        // SAFETY: kill(2) of a child that nobody has waited for.
        unsafe { libc::kill(child.id() as i32, libc::SIGHUP) };
        let mut report = String::new();
        child.stdout.take().unwrap().read_to_string(&mut report).unwrap();
        let code = child.wait().unwrap().code();
        assert_eq!(code == Some(128 + libc::SIGHUP), !ignored, "{code:?}");
        assert_eq!(report.contains("mount"), ignored, "{report}");
    }
}

fn umask(mask: u32) -> io::Result<()> {
    nix::sys::stat::umask(nix::sys::stat::Mode::from_bits_truncate(mask));
    Ok(())
}

/// Some can't be ignored, and two are the C library's.
fn ignore(signals: &[i32]) -> io::Result<()> {
    for signal in signals {
        // SAFETY: no handler is installed.
        unsafe { libc::signal(*signal, libc::SIG_IGN) };
    }
    Ok(())
}

fn close(descriptors: &[i32]) -> io::Result<()> {
    for descriptor in descriptors {
        // SAFETY: nobody uses it in this process, which the program then replaces.
        unsafe { libc::close(*descriptor) };
    }
    Ok(())
}

/// A process that has just changed its uid may not write there (PR_SET_DUMPABLE(2const)).
fn out_of_memory_first() -> io::Result<()> {
    let _ = fs::write("/proc/self/oom_score_adj", "1000");
    Ok(())
}

fn idle() -> io::Result<()> {
    // SAFETY: a structure of zeros is valid here, and the call reads it.
    call!(libc::sched_setscheduler(0, libc::SCHED_IDLE, &std::mem::zeroed()))
}

fn one_processor() -> io::Result<()> {
    let own = nix::sched::sched_getaffinity(nix::unistd::Pid::from_raw(0))?;
    let first = (0..nix::sched::CpuSet::count()).find(|cpu| own.is_set(*cpu) == Ok(true));
    let mut one = nix::sched::CpuSet::new();
    one.set(first.unwrap_or_default())?;
    Ok(nix::sched::sched_setaffinity(nix::unistd::Pid::from_raw(0), &one)?)
}
