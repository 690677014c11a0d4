//! The steps of later labs that attempts name, each with its mechanism.
//!
//! When a lab is added, its rows move to `steps.toml`; a test checks that none is left here.

/// The step as `lab/step`, its mechanism, and what a container lacks without it.
const MECHANISMS: &[(&str, &str, &str)] = &[
    (
        "lab4-capabilities/bounding-set",
        "capabilities: all but fourteen leave the bounding set, so that no execve(2) brings them back",
        "the bounding set of capabilities is not limited",
    ),
    (
        "lab4-capabilities/capability-sets",
        "capabilities: one capset(2) leaves the fourteen in each set that is held, and the ambient set empty",
        "the sets of capabilities that it holds are not limited",
    ),
    (
        "lab4-capabilities/no-new-privs",
        "no_new_privs: no execve(2) gives a right that was not there before",
        "no_new_privs is not set",
    ),
    (
        "lab5-seccomp/filter",
        "seccomp: a list of the system calls that are allowed; any other is refused",
        "no filter of system calls",
    ),
    (
        "lab5-seccomp/architecture",
        "seccomp: system calls of another architecture are refused, whatever their number",
        "no filter of another architecture's system calls",
    ),
    (
        "lab5-seccomp/clone-flags",
        "seccomp: clone(2) is refused with the flags that make namespaces",
        "no filter of the flags of clone(2)",
    ),
    (
        "lab5-seccomp/clone3",
        "seccomp: clone3(2), whose flags a filter can't read, does not exist (ENOSYS)",
        "no filter of clone3(2)",
    ),
    (
        "lab5-seccomp/tiocsti",
        "seccomp: ioctl(2) is refused with TIOCSTI, by the lower half of its argument",
        "no filter of ioctl(2) with TIOCSTI",
    ),
    (
        "lab5-seccomp/personality",
        "seccomp: personality(2) may ask, and not set",
        "no filter of personality(2)",
    ),
    (
        "lab6-cgroups/memory",
        "control groups: a limit of memory, and none of it in swap",
        "no limit of memory",
    ),
    ("lab6-cgroups/pids", "control groups: a limit of processes", "no limit of processes"),
    ("lab6-cgroups/cpu", "control groups: a quarter of one processor's time", "no limit of CPU time"),
];

/// The mechanism that will stop an attempt that names this step.
pub fn mechanism(step: &str) -> Option<&'static str> {
    MECHANISMS.iter().find(|(id, ..)| *id == step).map(|(_, mechanism, _)| *mechanism)
}

/// What a container lacks without this step.
pub fn missing(step: &str) -> Option<&'static str> {
    MECHANISMS.iter().find(|(id, ..)| *id == step).map(|(.., missing)| *missing)
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
        let mut listed: Vec<_> = MECHANISMS.iter().map(|(id, ..)| *id).collect();
        listed.sort_unstable();
        assert_eq!(listed, missing);
    }
}
