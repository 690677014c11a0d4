//! The list of attempts, in teaching order.

mod mount;
mod raw_disk;
mod reboot;
mod shell_pid;

use crate::{Host, Inside, Seen};
use nix::errno::Errno;
use nix::libc;

/// An escape attempt.
pub struct Attempt {
    /// Its name.
    pub id: &'static str,
    /// What the host loses.
    pub stake: &'static str,
    /// The attack in words.
    pub story: &'static str,
    /// Two commands at most that repeat it by hand, as root in a shell inside the container.
    pub by_hand: &'static [&'static str],
    /// The steps that stop it, as `lab/step`. The highest lab among them is the first that must block.
    pub stopped_by: &'static [&'static str],
    /// The manual pages that matter.
    pub man: &'static [&'static str],
    /// The system calls that decide. The host follows the attacker with ptrace(2), and believes of a refusal
    /// only what it has seen one of them return.
    pub decisive: &'static [libc::c_long],
    /// What the attacker does, as the container's command.
    pub inside: fn(&mut Inside) -> Result<(), Errno>,
    /// What the host looks at afterwards.
    pub witness: fn(&Host) -> Seen,
}

/// Every attempt.
pub const ALL: &[Attempt] = &[reboot::ATTEMPT, mount::ATTEMPT, raw_disk::ATTEMPT, shell_pid::ATTEMPT];

impl Attempt {
    /// The attempt with this name.
    pub fn find(id: &str) -> Option<&'static Attempt> {
        ALL.iter().find(|attempt| attempt.id == id)
    }

    /// The number of the first lab that must block it: the highest in `stopped_by`.
    pub fn first_lab(&self) -> usize {
        self.stopped_by.iter().filter_map(|step| lab_number(step)).max().expect("every attempt names a step")
    }
}

/// The number in `labN-name/step`.
fn lab_number(step: &str) -> Option<usize> {
    step.strip_prefix("lab")?.split('-').next()?.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_attempt_names_the_lab_that_stops_it() {
        let first: Vec<_> = ALL.iter().map(|attempt| (attempt.id, attempt.first_lab())).collect();
        assert_eq!(first, [("reboot", 1), ("mount", 1), ("raw-disk", 2), ("shell-pid", 1)]);
    }
}
