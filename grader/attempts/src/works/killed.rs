//! What is left of a container whose program is killed.

use super::{InStart, NOT_LOOKED, Work, nothing_to_do};

/// The command ends with the program.
pub const KILLED: Work = Work {
    id: "killed",
    first_lab: 0,
    what: "When a lab is killed (SIGKILL) its command ends as well. It is asked of labs alone.",
    man: &["prctl(2)", "signal(7)"],
    after: &[],
    run: InStart::LabKilled,
    calls: nothing_to_do,
    judge: |host| match host.left_processes.ok_or(NOT_LOOKED)? {
        0 => Ok(()),
        number => Err(format!("the program was killed, and {number} of the container's processes run on")),
    },
};
