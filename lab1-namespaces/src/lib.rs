//! Lab 1: namespaces. The container gets its own instance of what the kernel can instance (namespaces(7)).
//!
//! | namespace | what becomes the container's own |
//! |---|---|
//! | mount | the list of mounts |
//! | UTS | the host name |
//! | IPC | System V objects, POSIX message queues |
//! | PID | process ids: the command is number 1 |
//! | network | interfaces, ports, abstract sockets |
//! | user | uids, gids, capabilities |
//! | cgroup | the root that `/proc/self/cgroup` is relative to |
//! | time | the boot-time and monotonic clocks |
//!
//! # Layout
//! - [`options`]: `--userns` and `--share`.
//! - [`namespaces`]: which of them clone(2) is asked for.
//! - [`set_up_namespaces`]: what the child sets up in them.
//! - [`loopback`], [`time`]: the two that need more than a line.
//!
//! What only one step uses stands inside it, and what many use is in [`common::prelude`]: so the lab compiles without
//! a warning whichever of its steps are out.

pub mod loopback;
pub mod options;
pub mod time;

use common::Args;
use common::prelude::*;
use nix::sched::CloneFlags;

/// The name of the container in its UTS namespace.
pub const HOSTNAME: &str = "container";

/// The namespaces that the container's first process is cloned into.
pub fn namespaces(args: &Args) -> CloneFlags {
    let mut flags = CloneFlags::empty();

    // step: mount-namespace
    flags |= CloneFlags::CLONE_NEWNS;
    // end step

    // step: uts-namespace
    flags |= CloneFlags::CLONE_NEWUTS;
    // end step

    // step: ipc-namespace
    flags |= CloneFlags::CLONE_NEWIPC;
    // end step

    // step: pid-namespace
    flags |= CloneFlags::CLONE_NEWPID;
    // end step

    // step: network-namespace
    flags |= CloneFlags::CLONE_NEWNET;
    // end step

    // step: user-namespace
    // Only where it is asked for: without root common makes one in every lab, since nothing works without it.
    flags.set(CloneFlags::CLONE_NEWUSER, args.has(&options::USERNS));
    // end step

    for (name, flag) in [
        ("mount", CloneFlags::CLONE_NEWNS),
        ("uts", CloneFlags::CLONE_NEWUTS),
        ("ipc", CloneFlags::CLONE_NEWIPC),
        ("pid", CloneFlags::CLONE_NEWPID),
        ("network", CloneFlags::CLONE_NEWNET),
    ] {
        if options::shares(args, name) {
            flags.remove(flag);
        }
    }
    flags
}

/// Sets the new namespaces up. Runs in the child, which was cloned into these `namespaces`.
///
/// What would change the host if the namespace were missing is done only where it is there.
pub fn set_up_namespaces(args: &Args, namespaces: CloneFlags) -> Result<()> {
    if namespaces.contains(CloneFlags::CLONE_NEWNS) {
        // step: private-propagation
        // A new mount namespace is a copy whose mounts are still peers of the host's, where `/` is usually
        // shared: what is mounted in one appears in the other (mount_namespaces(7), "SHARED SUBTREES").
        let private = MsFlags::MS_REC | MsFlags::MS_PRIVATE;
        mount(NONE, "/", NONE, private, NONE).step("private-propagation")?;
        // end step
    }
    if namespaces.contains(CloneFlags::CLONE_NEWUTS) {
        // step: hostname
        // A new UTS namespace begins as a copy: it would still tell the host's name.
        nix::unistd::sethostname(HOSTNAME).step("hostname")?;
        // end step
    }
    if namespaces.contains(CloneFlags::CLONE_NEWNET) {
        loopback::up()?;
    }
    if !options::shares(args, "cgroup") {
        // step: cgroup-namespace
        // Its root is the group that the process is in now, so this comes after joining a group (lab 6).
        let made = nix::sched::unshare(CloneFlags::CLONE_NEWCGROUP);
        made.or_without("cgroup namespaces", "it sees the name of its control group")
            .step("cgroup-namespace")?;
        // end step
    }
    if !options::shares(args, "time") {
        time::enter()?;
    }
    Ok(())
}
