//! The victim: a process that is there to be attacked, with a random word in its environment, one in its memory,
//! and one in a file that it holds open. Unlike PID 1 it executes a program, and so can be traced.

use super::layout::VICTIM;
use super::secrets::Secrets;
use crate::interrupts::as_in_a_new_process;
use crate::proc;
use crate::random::random_word;
use anyhow::{Context, Result, ensure};
use attempts::victim::{DESCRIPTOR, READY, SOURCE};
use nix::errno::Errno;
use nix::fcntl::{FcntlArg, OFlag, fcntl, openat};
use nix::libc;
use nix::sys::memfd::{MFdFlags, memfd_create};
use nix::sys::signal::{Signal, kill};
use nix::sys::stat::Mode;
use nix::sys::wait::waitpid;
use nix::unistd::{ForkResult, Pid, execve, fork, pipe2};
use std::ffi::CString;
use std::fs::{self, File};
use std::io::{Read, Seek, Write};
use std::os::fd::OwnedFd;
use std::os::unix::fs::OpenOptionsExt;

/// The file that it holds open.
const FILE: &str = "/srv/victim-file";

/// Starts it, as a child of the decoy's PID 1, and waits until it holds all that it should. Returns its number
/// in the decoy.
pub fn start(secrets: &Secrets) -> Result<Pid> {
    let mut options = fs::OpenOptions::new();
    options.read(true).write(true).create_new(true).mode(0o600);
    let mut file = options.open(FILE).context(FILE)?;
    file.write_all(secrets.at("victim-file").as_bytes())?;
    start_with(secrets, file.into())
}

/// Starts another one in the place of one that has ended or will end now: with the same words and the same open file.
pub fn renew(secrets: &Secrets, old: Pid, proc: &OwnedFd) -> Result<Pid> {
    let flags = OFlag::O_RDWR | OFlag::O_CLOEXEC | OFlag::O_NONBLOCK;
    let file = openat(proc, format!("{old}/fd/{DESCRIPTOR}").as_str(), flags, Mode::empty());
    let file = file.context("the victim's open file")?;
    kill(old, Signal::SIGKILL).context("the victim's end")?;
    waitpid(old, None).context("the victim's end")?;
    start_with(secrets, file)
}

fn start_with(secrets: &Secrets, file: OwnedFd) -> Result<Pid> {
    let mut memory = File::from(memfd_create("memory", MFdFlags::MFD_CLOEXEC)?);
    memory.write_all(secrets.at("victim-memory").as_bytes())?;
    memory.rewind()?;
    let (ready, ready_in) = pipe2(OFlag::O_CLOEXEC)?;
    match fork_numbered()? {
        ForkResult::Parent { child } => {
            drop(ready_in);
            let mut word = [0];
            let length = File::from(ready).read(&mut word).context("the victim")?;
            ensure!(length == 1, "the victim did not start");
            Ok(child)
        }
        ForkResult::Child => {
            become_victim(secrets, [(file, DESCRIPTOR), (memory.into(), SOURCE), (ready_in, READY)]);
            // SAFETY: ends this process without running what PID 1 would run at its exit.
            unsafe { libc::_exit(127) }
        }
    }
}

fn become_victim(secrets: &Secrets, descriptors: [(OwnedFd, i32); 3]) {
    let program = CString::new(VICTIM).unwrap_or_default();
    let secret = CString::new(format!("DECOY_SECRET={}", secrets.at("victim-environment")));
    // PID 1 has other ids; and what the grader blocks, it would block too.
    let _ = super::start::become_root();
    as_in_a_new_process();
    // Out of the way first: one may lie where another goes.
    let moved = descriptors.map(|(from, to)| (fcntl(&from, FcntlArg::F_DUPFD(20)).unwrap_or(-1), to));
    for (from, to) in moved {
        // SAFETY: dup2(2) with numbers; this copy of PID 1 executes at once, and uses no other descriptor.
        unsafe { libc::dup2(from, to) };
    }
    // SAFETY: close_range(2) with numbers, as above.
    unsafe {
        let last = libc::c_uint::MAX;
        libc::syscall(libc::SYS_close_range, READY + 1, last, libc::CLOSE_RANGE_CLOEXEC);
    }
    let _ = execve(&program, &[&program, &c"--victim".to_owned()], &[secret.unwrap_or_default()]);
}

/// fork(2), with a number for the child that hardly any container will give away: an attacker who asks for the
/// victim's number in a PID namespace of its own must not find a process of the container's.
fn fork_numbered() -> Result<ForkResult> {
    // Below 32768, which is the end of the numbers on many machines.
    let number = 16_384 + i32::from(u16::from_str_radix(&random_word(4)?, 16)? % 16_000);
    // SAFETY: the structure is plain numbers, for which zero is a value.
    let mut arguments: libc::clone_args = unsafe { std::mem::zeroed() };
    arguments.exit_signal = libc::SIGCHLD as u64;
    arguments.set_tid = &raw const number as u64;
    arguments.set_tid_size = 1;
    // SAFETY: PID 1 of the decoy has one thread, and without CLONE_VM the child has a copy of its memory.
    let answer = unsafe { libc::syscall(libc::SYS_clone3, &arguments, size_of_val(&arguments)) };
    match Errno::result(answer) {
        Ok(0) => Ok(ForkResult::Child),
        Ok(child) => Ok(ForkResult::Parent { child: Pid::from_raw(child as i32) }),
        // An older kernel, or a filter around the grader: any number will do.
        // SAFETY: as above.
        Err(_) => Ok(unsafe { fork() }?),
    }
}

/// Whether what was done to it has taken effect: it sleeps or is stopped, and no signal is on its way to it. The
/// end of a process comes after the return of the kill(2) that caused it.
pub fn is_at_rest(victim: Pid) -> bool {
    let status = proc::read(victim, "status");
    let none_pending =
        |name| proc::field(&status, name).is_some_and(|set| set.bytes().all(|digit| digit == b'0'));
    let stands = proc::field(&status, "State").is_some_and(|state| state.starts_with(['S', 'T', 't']));
    stands && none_pending("SigPnd") && none_pending("ShdPnd")
}
