//! The process between the grader and a tool. It is a copy of the grader that was forked and executes nothing, of a process
//! that may have threads: so it makes system calls alone, and allocates nothing.

use crate::interrupts::as_in_a_new_process;
use nix::errno::Errno;
use nix::libc::{self, c_int, c_uint, pid_t};
use std::ffi::CStr;
use std::io;
use std::os::fd::{AsRawFd, OwnedFd, RawFd};
use std::ptr;

/// How long what was killed may take to end, in seconds: what waits for a device does not.
const TIMEOUT: i64 = 10;

/// In the child that is to become the tool: forks it, and stays behind. The tool is returned to; it is the leader of a
/// process group of its own, and killed where its supervisor is.
///
/// # Errors
/// What the system said.
pub(super) fn split(told: &OwnedFd) -> io::Result<()> {
    // SAFETY: system calls with integers, and pointers to what lives on this stack.
    unsafe {
        // Away from the terminal, whose keys would reach it, and from the grader's process group, which may be killed.
        if libc::setsid() < 0 {
            return Err(io::Error::last_os_error());
        }
        let mut signals: libc::sigset_t = std::mem::zeroed();
        libc::sigfillset(&mut signals);
        libc::sigprocmask(libc::SIG_SETMASK, &signals, ptr::null_mut());
        Errno::result(libc::prctl(libc::PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0))?;
        let supervisor = libc::getpid();
        match Errno::result(libc::fork())? {
            0 => {
                libc::setpgid(0, 0);
                Errno::result(libc::prctl(libc::PR_SET_PDEATHSIG, libc::SIGKILL, 0, 0, 0))?;
                if libc::getppid() != supervisor {
                    libc::_exit(1);
                }
                as_in_a_new_process();
                Ok(())
            }
            tool => supervise(tool, told.as_raw_fd()),
        }
    }
}

/// Waits until the tool has ended, or the grader has let go; kills all that is left, and ends as the tool did.
///
/// # Safety
/// To be called in a process with one thread, which has nothing left to do but this.
unsafe fn supervise(tool: pid_t, told: RawFd) -> ! {
    // SAFETY: as above. The descriptors that are closed are used by nobody in this process.
    unsafe {
        let told_number = told as c_uint;
        if told_number > 0 {
            libc::syscall(libc::SYS_close_range, 0, told_number - 1, 0);
        }
        libc::syscall(libc::SYS_close_range, told_number + 1, c_uint::MAX, 0);
        let process = libc::syscall(libc::SYS_pidfd_open, tool, 0) as RawFd;
        let ready = |fd| libc::pollfd { fd, events: libc::POLLIN, revents: 0 };
        let mut fds = [ready(told), ready(process)];
        while process >= 0 && libc::poll(fds.as_mut_ptr(), 2, -1) < 0 && Errno::last() == Errno::EINTR {}
        let mut code = None;
        let begun = seconds();
        // Who loses its parent becomes our child: so rounds of killing one's children come to everybody.
        loop {
            if code.is_none() {
                code = note(tool);
            }
            if code.is_none() {
                libc::kill(tool, libc::SIGKILL);
            }
            kill_children();
            if !reap(tool, &mut code) || seconds() - begun > TIMEOUT {
                libc::_exit(code.unwrap_or(1));
            }
            let moment = libc::timespec { tv_sec: 0, tv_nsec: 500_000 };
            libc::nanosleep(&moment, ptr::null_mut());
        }
    }
}

/// How the tool ended, if it has by itself.
fn note(tool: pid_t) -> Option<c_int> {
    let mut status = 0;
    // SAFETY: a pointer to an integer.
    let ended = unsafe { libc::waitpid(tool, &mut status, libc::WNOHANG) } == tool;
    ended.then(|| as_a_shell_has_it(status))
}

/// Waits for those that have ended. Whether there are children left.
fn reap(tool: pid_t, code: &mut Option<c_int>) -> bool {
    loop {
        let mut status = 0;
        // SAFETY: a pointer to an integer.
        match unsafe { libc::waitpid(-1, &mut status, libc::WNOHANG) } {
            0 => return true,
            pid if pid == tool => *code = Some(as_a_shell_has_it(status)),
            pid if pid > 0 => {}
            _ => return false,
        }
    }
}

fn as_a_shell_has_it(status: c_int) -> c_int {
    if libc::WIFEXITED(status) { libc::WEXITSTATUS(status) } else { 128 + libc::WTERMSIG(status) }
}

/// Kills the children that there are. None of these numbers is another's: nobody else waits for them.
fn kill_children() {
    const LIST: &CStr = c"/proc/thread-self/children";
    // SAFETY: a path that ends in 0, and a buffer with its length.
    unsafe {
        let list = libc::open(LIST.as_ptr(), libc::O_RDONLY | libc::O_CLOEXEC);
        let mut piece = [0u8; 4096];
        let mut number: pid_t = 0;
        loop {
            let length = libc::read(list, piece.as_mut_ptr().cast(), piece.len());
            if length <= 0 {
                break;
            }
            for byte in &piece[..length as usize] {
                if byte.is_ascii_digit() {
                    number = number.wrapping_mul(10).wrapping_add(pid_t::from(byte - b'0'));
                } else if number > 1 {
                    libc::kill(number, libc::SIGKILL);
                    number = 0;
                }
            }
        }
        libc::close(list);
    }
}

fn seconds() -> i64 {
    let mut now = libc::timespec { tv_sec: 0, tv_nsec: 0 };
    // SAFETY: a pointer to a structure of ours.
    unsafe { libc::clock_gettime(libc::CLOCK_MONOTONIC, &mut now) };
    now.tv_sec
}
