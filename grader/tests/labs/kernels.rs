//! Kernels that lack something, and filters that refuse it: `tests/programs/lacks.rs` stands for both. A lab says what its
//! container is without, as the table has it, and goes on; or says why it can't.

use crate::running::{End, Running};
use crate::stage::{Lab, Lab::*, Stage, Who, Who::*, finish};
use grader::doctor::features::{self, Feature};
use nix::libc;
use rstest::rstest;
use std::os::unix::process::CommandExt;
use std::process::Command;

/// The lab's program where this is missing. None, and a line that says why, where that can't be had.
fn without(stage: &Stage, lacks: &str) -> Option<Command> {
    let lab = stage.program();
    let mut program = stage.program_at(crate::stage::lacks()?);
    program.arg(lacks).arg(lab.get_program());
    Some(program)
}

/// From which lab on a feature is used, and what a kernel without it answers. Each in every way in which it can be missing.
const WEAKER: [(Lab, &str, &str, &str); 8] = [
    (Namespaces, "time namespaces", "time=EINVAL", "Invalid argument"),
    (Namespaces, "time namespaces", "time=EPERM", "Operation not permitted"),
    (Namespaces, "cgroup namespaces", "cgroup=EINVAL", "Invalid argument"),
    (Namespaces, "cgroup namespaces", "cgroup=EPERM", "Operation not permitted"),
    (Mounts, "mount_setattr(2)", "mount_setattr=ENOSYS", "Function not implemented"),
    (Mounts, "mount_setattr(2)", "mount_setattr=EPERM", "Operation not permitted"),
    (Pivot, "pivot_root(2)", "pivot_root=EINVAL", "Invalid argument"),
    (Pivot, "pivot_root(2)", "pivot_root=EPERM", "Operation not permitted"),
];

#[rstest]
fn the_lab_says_what_is_missing_and_goes_on(
    #[values(0, 1, 2, 3, 4, 5, 6, 7)] row: usize,
    #[values((Root, false), (Root, true), (User, false))] (who, userns): (Who, bool),
    #[values(Namespaces, Mounts, Pivot)] lab: Lab,
) {
    let (first, name, lacks, reason) = WEAKER[row];
    if lab < first {
        return;
    }
    let Some(stage) = Stage::new(lab, who) else { return };
    let Some(mut program) = without(&stage, lacks) else { return };
    program.args(userns.then_some("--userns")).arg(stage.rootfs());
    program.args(["/bin/sh", "-c", "echo started; ls -d /../data; exit 3"]);
    let ran = finish(program).code(3).stdout("started\n/../data\n");
    let said = String::from_utf8_lossy(&ran.get_output().stderr).into_owned();
    let (begin, end) =
        (format!("{}: without {name}: ", lab.name()), format!(" ({reason})\nExited with status 3\n"));
    let comes = said.strip_prefix(&begin).and_then(|rest| rest.strip_suffix(&end));
    let comes = comes.unwrap_or_else(|| panic!("{said}"));
    assert_eq!(feature(name).in_a_lab, Some(comes));
}

fn feature(name: &str) -> &'static Feature {
    features::ALL.iter().find(|feature| feature.name == name).expect("it is in the table")
}

/// What is closed one by one is closed as well: nothing is lost, and nothing said.
#[rstest]
fn without_close_range_every_descriptor_is_closed(
    #[values(Root, User)] who: Who,
    #[values("close_range=ENOSYS", "close_range=EPERM")] lacks: &str,
) {
    let Some(stage) = Stage::new(Pivot, who) else { return };
    let Some(mut program) = without(&stage, lacks) else { return };
    // SAFETY: a system call with numbers, in a child that the program then replaces. The last one is close to the limit.
    unsafe {
        program.pre_exec(|| {
            [9, 77, 1000].iter().for_each(|number| _ = libc::dup2(0, *number));
            Ok(())
        })
    };
    // The shell has the three, and the directory that it reads.
    program.arg(stage.rootfs()).args(["/bin/sh", "-c", "cd /proc/self/fd; echo *; echo ready"]);
    let end = Running::start(program).end();
    assert_eq!((end.code, end.errors.as_str()), (Some(0), "Exited with status 0\n"));
    let open: Vec<u32> = end.lines[0].split(' ').map(|number| number.parse().unwrap()).collect();
    assert!(open.iter().all(|number| *number < 9), "{open:?}");
}

/// Without these there is no container: the lab says which it is, and executes nothing.
#[rstest]
#[case::openat2(Mounts, Root, "openat2=ENOSYS", "openat2: Function not implemented")]
#[case::openat2_refused(Pivot, User, "openat2=EPERM", "openat2: Operation not permitted")]
#[case::user_missing(Chroot, User, "user=EINVAL", "clone with a user namespace: Invalid argument")]
#[case::user_refused(Pivot, User, "user=EPERM", "clone with a user namespace: Operation not permitted")]
#[case::user_used_up(Namespaces, User, "user=ENOSPC", "clone with a user namespace: No space left on device")]
fn the_lab_says_what_it_needs(#[case] lab: Lab, #[case] who: Who, #[case] lacks: &str, #[case] said: &str) {
    let Some(stage) = Stage::new(lab, who) else { return };
    let Some(mut program) = without(&stage, lacks) else { return };
    program.arg(stage.rootfs()).args(["/bin/sh", "-c", "echo started"]);
    finish(program).code(1).stdout("").stderr(format!("{}: {said}\n", lab.name()));
}

/// Root needs no user namespace.
#[rstest]
fn root_runs_without_user_namespaces(#[values(Chroot, Namespaces, Mounts, Pivot)] lab: Lab) {
    let Some(stage) = Stage::new(lab, Root) else { return };
    let Some(mut program) = without(&stage, "user=EPERM") else { return };
    program.arg(stage.rootfs()).args(["/bin/sh", "-c", "exit 4"]);
    assert_eq!(Running::start(program).end(), End::new(4, "Exited with status 4\n"));
}
