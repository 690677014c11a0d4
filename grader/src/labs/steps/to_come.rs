//! The steps of later labs that attempts name, each with its mechanism.
//!
//! When a lab is added, its rows move to `steps.toml`; a test checks that none is left here.

/// The step as `lab/step`, and its mechanism.
const MECHANISMS: &[(&str, &str)] = &[
    (
        "lab4-capabilities/bounding-set",
        "capabilities: all but fourteen leave the bounding set, so that no execve(2) brings them back",
    ),
    (
        "lab4-capabilities/capability-sets",
        "capabilities: one capset(2) leaves the fourteen in each set that is held, and the ambient set empty",
    ),
    ("lab4-capabilities/no-new-privs", "no_new_privs: no execve(2) gives a right that was not there before"),
    ("lab5-seccomp/filter", "seccomp: a list of the system calls that are allowed; any other is refused"),
    (
        "lab5-seccomp/architecture",
        "seccomp: system calls of another architecture are refused, whatever their number",
    ),
    ("lab5-seccomp/clone-flags", "seccomp: clone(2) is refused with the flags that make namespaces"),
    ("lab5-seccomp/clone3", "seccomp: clone3(2), whose flags a filter can't read, does not exist (ENOSYS)"),
    ("lab5-seccomp/tiocsti", "seccomp: ioctl(2) is refused with TIOCSTI, by the lower half of its argument"),
    ("lab5-seccomp/personality", "seccomp: personality(2) may ask, and not set"),
    ("lab6-cgroups/memory", "control groups: a limit of memory, and none of it in swap"),
    ("lab6-cgroups/pids", "control groups: a limit of processes"),
    ("lab6-cgroups/cpu", "control groups: a quarter of one processor's time"),
];

/// The mechanism that will stop an attempt that names this step.
pub fn mechanism(step: &str) -> Option<&'static str> {
    MECHANISMS.iter().find(|(id, _)| *id == step).map(|(_, mechanism)| *mechanism)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::labs::Workspace;
    use attempts::attempts::ALL;
    use std::collections::BTreeSet;

    #[test]
    fn they_are_the_steps_that_attempts_name_and_no_lab_has() {
        let there = Workspace::sources().steps().unwrap();
        let there: BTreeSet<String> = there.iter().map(|step| step.id.to_string()).collect();
        let named: BTreeSet<&str> = ALL.iter().flat_map(|attempt| attempt.stopped_by).copied().collect();
        let missing: Vec<_> = named.iter().filter(|id| !there.contains(**id)).copied().collect();
        let mut listed: Vec<_> = MECHANISMS.iter().map(|(id, _)| *id).collect();
        listed.sort_unstable();
        assert_eq!(listed, missing);
    }
}
