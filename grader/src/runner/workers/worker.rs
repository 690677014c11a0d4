//! A worker as the grader sees it, and its end with all that it leaves behind.

use crate::channel::Channel;
use crate::decoy::groups::Groups;
use nix::sys::signal::{Signal, kill};
use nix::sys::wait::{WaitPidFlag, WaitStatus, waitpid};
use nix::unistd::Pid;
use std::fs;
use std::time::{Duration, Instant};

/// A worker, as the grader sees it.
pub(super) struct Worker {
    pub(super) pid: Pid,
    /// None once it is to end.
    pub(super) channel: Option<Channel>,
    pub(super) groups: Groups,
    /// The job that it does, and when it must have done it.
    pub(super) at: Option<(usize, Instant)>,
}

/// A worker, and all that a dead one left, has ended within this time.
const END: Duration = Duration::from_secs(30);

/// Ends workers that have no channel any more, and waits until they, and all that they left behind, have ended. A
/// process in a group without CPU time, or in a frozen one, does not even die before the groups are released.
pub(super) fn end(workers: &[Worker]) {
    for worker in workers.iter().filter(|worker| worker.at.is_some()) {
        let _ = kill(worker.pid, Signal::SIGKILL);
        worker.groups.release();
    }
    let deadline = Instant::now() + END;
    let mut asked = Instant::now();
    let mut left: Vec<Pid> = workers.iter().map(|worker| worker.pid).collect();
    while Instant::now() < deadline {
        left.retain(|pid| waitpid(*pid, Some(WaitPidFlag::WNOHANG)) == Ok(WaitStatus::StillAlive));
        // The decoys' PID 1s, if a worker was killed: each ends by its PDEATHSIG, once it gets to run.
        if left.is_empty() && orphans().is_empty() {
            return;
        }
        if asked.elapsed() > Duration::from_millis(200) {
            asked = Instant::now();
            for worker in workers.iter().filter(|worker| worker.at.is_some()) {
                worker.groups.release();
                worker.groups.kill(|_| true);
            }
        }
        std::thread::sleep(Duration::from_millis(1));
    }
}

/// Ends the PID 1s of decoys whose worker was killed, and says which have not ended yet. They are this process's
/// children by now, and each knows itself by the number 1 (NSpid in proc_pid_status(5)).
fn orphans() -> Vec<Pid> {
    let children =
        fs::read_to_string(format!("/proc/self/task/{}/children", Pid::this())).unwrap_or_default();
    let is_pid1 = |pid: &i32| {
        let status = fs::read_to_string(format!("/proc/{pid}/status")).unwrap_or_default();
        let numbers = status.lines().find_map(|line| line.strip_prefix("NSpid:")).unwrap_or_default();
        let numbers = numbers.split_whitespace().skip(1);
        numbers.last() == Some("1")
    };
    let pids = children.split_whitespace().filter_map(|pid| pid.parse().ok()).filter(is_pid1);
    let mut left: Vec<Pid> = pids.map(Pid::from_raw).collect();
    left.retain(|pid| {
        let _ = kill(*pid, Signal::SIGKILL);
        waitpid(*pid, Some(WaitPidFlag::WNOHANG)) == Ok(WaitStatus::StillAlive)
    });
    left
}
