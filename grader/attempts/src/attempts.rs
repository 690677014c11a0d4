//! The list of attempts, in teaching order.

mod cgroup_leave;
mod cgroup_path;
mod cpu_hog;
mod fork_bomb;
mod memory_hog;
mod mount;
mod raw_disk;
mod reboot;
mod release_agent;
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
    /// What was measured for it, a letter a stage.
    pub letters: Letters,
    /// What the decoy host must have ready for it.
    pub needs: &'static [Need],
    /// The system calls that decide. The host follows the attacker with ptrace(2), and believes of a refusal
    /// only what it has seen one of them return. Empty where no call decides, but what the host reads.
    pub decisive: &'static [libc::c_long],
    /// What the attacker does, as the container's command.
    pub inside: fn(&mut Inside) -> Result<(), Errno>,
    /// What the host looks at afterwards.
    pub witness: fn(&Host) -> Seen,
}

/// What was measured in the reference labs: the bare decoy host, a space, then lab 0 and up. `E` escaped, `B`
/// blocked, `I` can't be judged.
#[derive(Clone, Copy, Debug)]
pub struct Letters {
    /// On a decoy host of the root kind.
    pub root: &'static str,
    /// On one of the user kind, made by root.
    pub user: &'static str,
    /// On one that an ordinary user made.
    pub rootless: &'static str,
}

/// What a decoy host must have ready for an attempt.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Need {
    /// A host of its own: the attempt may change it.
    FreshHost,
    /// The decoy disk.
    Disk,
    /// A terminal as the caller's standard streams and controlling terminal.
    Terminal,
    /// `open("/")` left on descriptor 77.
    LeakedDescriptor,
    /// A full ambient set of capabilities.
    AmbientCapabilities,
    /// Datagrams on the host's loopback interface, every 3 ms.
    Datagrams,
    /// A control group for the container.
    Group,
    /// The same, with memory, pids and cpu controllers.
    Limits,
    /// A named v1 hierarchy.
    ReleaseAgent,
    /// That the host joins the attacker's mount namespace and reads its mounts.
    MountNamespace,
    /// That the host looks for set-user-ID files in its own tree.
    SetuidFiles,
    /// The address of the kernel's text.
    KernelText,
    /// A small ext4 file system, a directory of which is a volume of the container.
    Ext4Volume,
    /// More ids than one: root and somebody else.
    ManyIds,
}

/// Every attempt.
pub const ALL: &[Attempt] = &[
    reboot::ATTEMPT,
    mount::ATTEMPT,
    raw_disk::ATTEMPT,
    shell_pid::ATTEMPT,
    cgroup_path::ATTEMPT,
    cgroup_leave::ATTEMPT,
    release_agent::ATTEMPT,
    fork_bomb::ATTEMPT,
    memory_hog::ATTEMPT,
    cpu_hog::ATTEMPT,
];

impl Attempt {
    /// The attempt with this name.
    pub fn find(id: &str) -> Option<&'static Attempt> {
        ALL.iter().find(|attempt| attempt.id == id)
    }

    /// What a lab is expected to show on this kind of host: `E`, `B`, or `I` where it can't be judged.
    pub fn letter(&self, lab: usize, letters: &'static str) -> Option<char> {
        letters.split_once(' ')?.1.chars().nth(lab)
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
        let expected = [
            ("reboot", 1),
            ("mount", 1),
            ("raw-disk", 2),
            ("shell-pid", 1),
            ("cgroup-path", 1),
            ("cgroup-leave", 1),
            ("release-agent", 1),
            ("fork-bomb", 6),
            ("memory-hog", 6),
            ("cpu-hog", 6),
        ];
        assert_eq!(first, expected);
    }
}
