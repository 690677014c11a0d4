//! Resource limits: getrlimit(2).

use super::Expected::{self, Refused, Same};
use super::{before, grade, stage};
use crate::common::stage::Who;
use nix::libc::RLIM_INFINITY;
use nix::sys::resource::{Resource, getrlimit, setrlimit};
use rstest::rstest;

const MIB: u64 = 1 << 20;
/// As much as there may be.
const ALL: u64 = RLIM_INFINITY;

/// A limit, soft and hard, and what is to come of it. A hard one is no higher than that of the tests.
const ROWS: &[(Resource, u64, u64, Expected)] = &[
    (Resource::RLIMIT_NPROC, 500, 500, Same),
    (Resource::RLIMIT_FSIZE, 20 * MIB, 20 * MIB, Same),
    (Resource::RLIMIT_FSIZE, 0, ALL, Same),
    (Resource::RLIMIT_DATA, 500 * MIB, 500 * MIB, Same),
    (Resource::RLIMIT_DATA, 32 * MIB, ALL, Same),
    (Resource::RLIMIT_NOFILE, 256, 256, Same),
    (Resource::RLIMIT_NOFILE, 64, ALL, Same),
    (
        Resource::RLIMIT_NOFILE,
        64,
        64,
        Refused("the number of open files is limited to 64, but 128 are needed"),
    ),
    (Resource::RLIMIT_CORE, 0, 0, Same),
    (Resource::RLIMIT_CORE, MIB, MIB, Same),
    (Resource::RLIMIT_CORE, ALL, ALL, Same),
    (Resource::RLIMIT_STACK, MIB, MIB, Same),
    (Resource::RLIMIT_STACK, 160 << 10, ALL, Same),
    (Resource::RLIMIT_STACK, ALL, ALL, Same),
    (Resource::RLIMIT_STACK, 160 << 10, 160 << 10, Refused("the stack is limited to 160 KiB, but 1024 KiB")),
    (Resource::RLIMIT_AS, 1000 * MIB, 1000 * MIB, Same),
    (Resource::RLIMIT_AS, 100 * MIB, 100 * MIB, Refused("the address space is limited to 102400 KiB")),
    (Resource::RLIMIT_MEMLOCK, 0, 0, Same),
    (Resource::RLIMIT_MEMLOCK, ALL, ALL, Same),
    (Resource::RLIMIT_SIGPENDING, 0, ALL, Same),
    (Resource::RLIMIT_MSGQUEUE, 0, ALL, Same),
    (Resource::RLIMIT_MSGQUEUE, 0, 0, Refused("the memory of message queues is limited to 0 KiB")),
    (Resource::RLIMIT_NICE, 0, 0, Same),
    (Resource::RLIMIT_RTPRIO, 0, 0, Same),
    (Resource::RLIMIT_CPU, 1, ALL, Same),
    (Resource::RLIMIT_CPU, 600, 600, Same),
];

#[rstest]
fn a_limit_changes_no_verdict(#[values(Who::Root, Who::User)] who: Who) {
    let Some(stage) = stage(who) else { return };
    for &(resource, soft, hard, expected) in ROWS {
        let (_, highest) = getrlimit(resource).unwrap();
        let (soft, hard) = (soft.min(highest), hard.min(highest));
        let limited = move || Ok(setrlimit(resource, soft, hard)?);
        // Who may raise a hard limit does.
        let raises = who == Who::Root
            && caps::has_cap(None, caps::CapSet::Effective, caps::Capability::CAP_SYS_RESOURCE).unwrap();
        let expected = if raises { Same } else { expected };
        grade(&stage, &format!("{resource:?} {soft} {hard}"), |it| before(it, limited), expected);
    }
}
