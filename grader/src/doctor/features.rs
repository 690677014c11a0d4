//! What the labs and the grader use of the kernel that not every kernel has, and what happens without it. The book shows
//! this table, and `doctor` what of it is missing.

use super::child::in_child;
pub use super::facts::Feature;
use super::facts::Tried;
use crate::proc;
use crate::runner::workers::process::enter_user_namespace;
use anyhow::Context;
use nix::errno::Errno;
use nix::libc::{self, c_long};
use nix::sched::{CloneFlags, unshare};
use nix::unistd::geteuid;
use std::os::fd::{FromRawFd, OwnedFd};
use std::path::Path;
use std::ptr::null;

/// What can be judged without what a decoy host is made with.
const NOTHING: &str = "nothing can be judged: no decoy host can be made";

/// All of them, the oldest first.
pub const ALL: &[Feature] = &[
    Feature {
        name: "user namespaces",
        since: Some((3, 8)),
        used_for: "labs without root, and `--userns`; decoys of the user kind",
        in_a_lab: Some("only root can run it"),
        without: "nothing can be judged without root",
        judged: false,
        // Who refuses them has a finding of its own.
        probe: || namespace_file("user"),
    },
    Feature {
        name: "cgroup namespaces",
        since: Some((4, 6)),
        used_for: "lab 1, `cgroup-namespace`; decoys",
        in_a_lab: Some("it sees the name of its control group"),
        without: NOTHING,
        judged: false,
        probe: || namespace("cgroup", CloneFlags::CLONE_NEWCGROUP),
    },
    Feature {
        name: "pidfd_send_signal(2)",
        since: Some((5, 1)),
        used_for: "the grader: a signal to a process and no other",
        in_a_lab: None,
        without: "nothing is lost: signals are sent by number",
        judged: true,
        probe: || call(libc::SYS_pidfd_send_signal, [-1, 0, 0, 0, 0], Errno::EBADF),
    },
    Feature {
        name: "pidfd_open(2)",
        since: Some((5, 3)),
        used_for: "the grader: processes across PID namespaces",
        in_a_lab: None,
        without: NOTHING,
        judged: false,
        probe: pidfd_open,
    },
    Feature {
        name: "openat2(2)",
        since: Some((5, 6)),
        used_for: "lab 2, `no-links`, and lab 3; the grader: paths that others may change",
        in_a_lab: Some("it does not start"),
        without: NOTHING,
        judged: false,
        probe: || call(libc::SYS_openat2, [-1, 0, 0, 0, 0], Errno::EINVAL),
    },
    Feature {
        name: "pidfd_getfd(2)",
        since: Some((5, 6)),
        used_for: "the grader: what the attacker has opened",
        in_a_lab: None,
        without: NOTHING,
        judged: false,
        probe: || call(libc::SYS_pidfd_getfd, [-1, 0, 0, 0, 0], Errno::EBADF),
    },
    Feature {
        name: "time namespaces",
        since: Some((5, 6)),
        used_for: "lab 1, `time-namespace`; the clock of a decoy",
        in_a_lab: Some("it has the host's boot-time clock"),
        without: "`boot-time` can't be judged",
        judged: false,
        probe: || namespace("time", CloneFlags::from_bits_retain(libc::CLONE_NEWTIME)),
    },
    Feature {
        name: "close_range(2)",
        since: Some((5, 9)),
        used_for: "lab 3, `close-descriptors`; the grader: descriptors that nobody is to inherit",
        in_a_lab: Some("nothing is lost: they are closed one by one"),
        without: "nothing is lost: they are closed one by one",
        judged: true,
        probe: || {
            call(
                libc::SYS_close_range,
                [c_long::from(u32::MAX), c_long::from(u32::MAX), 0, 0, 0],
                Errno::EINVAL,
            )
        },
    },
    Feature {
        name: "mount_setattr(2)",
        since: Some((5, 12)),
        used_for: "lab 2, `nodev` and `nosuid`, on all mounts of a tree; decoys",
        in_a_lab: Some("nodev and nosuid are not set on volumes"),
        without: NOTHING,
        judged: false,
        probe: || call(libc::SYS_mount_setattr, [-1, 0, 0, 0, 0], Errno::EINVAL),
    },
    Feature {
        name: "pivot_root(2)",
        since: None,
        used_for: "lab 3, `pivot-root`; decoys. The root of an initramfs can't be exchanged",
        in_a_lab: Some("the host's tree is covered, not gone"),
        without: NOTHING,
        judged: false,
        probe: pivot_root,
    },
];

/// A system call with arguments that it refuses with this error before it does anything.
fn call(number: c_long, arguments: [c_long; 5], usual: Errno) -> nix::Result<()> {
    let [a, b, c, d, e] = arguments;
    // SAFETY: the descriptors don't exist, and the structures have no size.
    match Errno::result(unsafe { libc::syscall(number, a, b, c, d, e) }) {
        Err(errno) if errno != usual => Err(errno),
        _ => Ok(()),
    }
}

fn pidfd_open() -> nix::Result<()> {
    // SAFETY: the call takes numbers and returns a descriptor, which we own.
    let pidfd = Errno::result(unsafe { libc::syscall(libc::SYS_pidfd_open, libc::getpid(), 0) })?;
    // SAFETY: as above.
    drop(unsafe { OwnedFd::from_raw_fd(pidfd as i32) });
    Ok(())
}

fn pivot_root() -> nix::Result<()> {
    if proc::mounts(&proc::read("self", "mountinfo")).any(|it| it.point == "/" && it.kind == "rootfs") {
        return Err(Errno::EINVAL);
    }
    // Others are refused before the paths are looked at, of which there are none.
    let usual = if geteuid().is_root() { Errno::EFAULT } else { Errno::EPERM };
    call(libc::SYS_pivot_root, [null::<u8>() as c_long; 5], usual)
}

fn namespace_file(name: &str) -> nix::Result<()> {
    Path::new("/proc/self/ns").join(name).exists().then_some(()).ok_or(Errno::ENOSYS)
}

/// Makes a namespace, in a child.
fn namespace(name: &str, flag: CloneFlags) -> nix::Result<()> {
    namespace_file(name)?;
    let made = in_child(|| {
        // Where there are none of these nothing can be said of others.
        if !geteuid().is_root() && enter_user_namespace().is_err() {
            return Ok(());
        }
        unshare(flag).context("unshare(2)")
    });
    match made {
        Tried::Refused { errno, .. } => Err(errno),
        _ => Ok(()),
    }
}
