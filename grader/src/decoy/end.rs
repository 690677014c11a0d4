//! The end of a decoy: its PID 1 is killed, and with it all in its PID namespace.

use super::groups::Groups;
use attempts::host::Ending;
use nix::libc;
use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;
use std::time::{Duration, Instant};

/// What was killed is gone within this time.
pub const GONE: Duration = Duration::from_secs(20);

/// What a wait(2) status says of an end.
pub fn ending(status: i32) -> Ending {
    if libc::WIFSIGNALED(status) {
        Ending::Killed(libc::WTERMSIG(status))
    } else if libc::WIFEXITED(status) {
        Ending::Exited(libc::WEXITSTATUS(status))
    } else {
        Ending::None
    }
}

/// Kills PID 1, and with it all in its PID namespace, and waits for its end.
///
/// A process without CPU time, or a frozen one, does not die before the groups are released. If somebody in the decoy
/// takes the time away again, that one is killed by itself. Where even that does not help the calling process, a worker,
/// ends with words for nobody: the grader notices, and the keeper tries again.
pub fn end(pid1: Pid, groups: &Groups) {
    // A signal waits for nothing; to release may.
    let _ = kill(pid1, Signal::SIGKILL);
    groups.release();
    let deadline = Instant::now() + GONE;
    let mut asked = Instant::now();
    while reap(pid1).is_none() {
        wait_for_child(Duration::from_millis(20));
        if Instant::now() > deadline {
            std::process::exit(1);
        }
        if asked.elapsed() > Duration::from_millis(100) {
            asked = Instant::now();
            groups.release();
            groups.kill(|pid| pid != Pid::this());
        }
    }
}

/// How PID 1 ended, if it has. Traced processes of its namespace must be
/// waited for as well: until their tracer has, they are not gone, and PID 1 does not end.
pub fn reap(pid1: Pid) -> Option<Ending> {
    loop {
        let mut status = 0;
        // SAFETY: waitpid(2) writes one int.
        let pid = unsafe { libc::waitpid(-1, &mut status, libc::__WALL | libc::WNOHANG) };
        let ended = libc::WIFEXITED(status) || libc::WIFSIGNALED(status);
        if pid < 0 || (pid == pid1.as_raw() && ended) {
            return Some(ending(status));
        }
        if pid == 0 {
            break;
        }
        if !ended {
            // A traced process that stopped on its way out.
            let _ = nix::sys::ptrace::cont(Pid::from_raw(pid), None);
        }
    }
    None
}

/// Waits until a child has ended or stopped, or so long. SIGCHLD is blocked in every worker.
fn wait_for_child(patience: Duration) {
    let time = libc::timespec { tv_sec: 0, tv_nsec: patience.subsec_nanos().into() };
    // SAFETY: a set of zeros is valid for sigemptyset(3) to fill; sigtimedwait(2) reads both and writes nothing.
    unsafe {
        let mut set: libc::sigset_t = std::mem::zeroed();
        libc::sigemptyset(&mut set);
        libc::sigaddset(&mut set, libc::SIGCHLD);
        libc::sigtimedwait(&set, std::ptr::null_mut(), &time);
    }
}
