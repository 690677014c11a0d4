//! A rival of the attacker's: a process of the host that computes without a pause, on the same processor, in a control group
//! beside the container's. A share of CPU time (`cpu.shares`, `cpu.weight`) limits nobody as long as nobody else wants any.

use super::attacker::hand::Hand;
use super::group::ContainerGroup;
use super::observe;
use crate::decoy::cgroupfs::join;
use crate::random::random_word;
use anyhow::{Context, Result};
use attempts::attacker::Hand as _;
use nix::sched::{CpuSet, sched_getaffinity, sched_setaffinity};
use nix::sys::prctl::set_pdeathsig;
use nix::sys::signal::{Signal, kill};
use nix::sys::wait::waitpid;
use nix::unistd::{ForkResult, Pid, fork};
use std::time::Duration;

/// So much time the attacker takes, or else as much as it gets in [`SPIN_PATIENCE`](attempts::attacker::SPIN_PATIENCE) times as
/// long.
const TIME: Duration = Duration::from_millis(120);

/// It runs as long as this lives.
pub struct Rival {
    pid: Pid,
    attacker: Pid,
    /// The processors that the attacker may use without a rival.
    allowed: CpuSet,
}

impl Rival {
    /// Starts one, and leaves the attacker one processor, which both use.
    ///
    /// # Errors
    /// What the system said; they may use no processor in common.
    pub fn start(group: &ContainerGroup, attacker: Pid) -> Result<Rival> {
        let place = group.beside(attacker)?;
        let (allowed, own) = (sched_getaffinity(attacker)?, sched_getaffinity(Pid::from_raw(0))?);
        let is_common = |at: &usize| [&allowed, &own].iter().all(|set| set.is_set(*at) == Ok(true));
        let common: Vec<usize> = (0..CpuSet::count()).filter(is_common).collect();
        // Another grader's may run as well.
        let any = usize::from_str_radix(&random_word(4)?, 16)? % common.len().max(1);
        let mut one = CpuSet::new();
        one.set(*common.get(any).context("there is no processor that both may use")?)?;
        // SAFETY: a worker has one thread.
        let pid = match unsafe { fork() }.context("fork(2)")? {
            ForkResult::Parent { child } => child,
            ForkResult::Child => {
                let _ = set_pdeathsig(Signal::SIGKILL);
                loop {
                    std::hint::spin_loop();
                }
            }
        };
        let rival = Rival { pid, attacker, allowed };
        for both in [pid, attacker] {
            sched_setaffinity(both, &one).context("sched_setaffinity(2)")?;
        }
        join(&place, pid)?;
        Ok(rival)
    }

    /// What the attacker and it get while the attacker computes, in seconds.
    ///
    /// # Errors
    /// The attacker does not compute.
    pub fn compare(self, hand: &mut Hand) -> Result<(f64, f64)> {
        let before = [self.attacker, self.pid].map(used);
        hand.spin(TIME).map_err(|failed| anyhow::anyhow!("{failed:?}"))?;
        let after = [self.attacker, self.pid].map(used);
        Ok((after[0] - before[0], after[1] - before[1]))
    }
}

fn used(pid: Pid) -> f64 {
    observe::cpu(pid).map_or(0.0, |cpu| cpu.used)
}

impl Drop for Rival {
    fn drop(&mut self) {
        let _ = kill(self.pid, Signal::SIGKILL);
        let _ = waitpid(self.pid, None);
        // It may have ended.
        let _ = sched_setaffinity(self.attacker, &self.allowed);
    }
}
