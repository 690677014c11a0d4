//! Changes to the calling process: its arguments and name, its descriptors, its mounts; and what it has inherited from
//! whoever started it.

use crate::{interrupts, proc};
use anyhow::{Context, Result};
use nix::errno::Errno;
use nix::libc;
use nix::mount::{MsFlags, mount};
use nix::sched::CloneFlags;
use nix::sys::prctl;
use nix::sys::stat::{Mode, umask};
use nix::unistd::geteuid;
use std::ffi::CString;
use std::os::fd::{AsRawFd, OwnedFd};

/// Gives the process what a new one has, whatever it has inherited over execve(2): actions and mask of signals, the mask of
/// file modes, the execution domain. What takes a privilege to undo stays: a larger nice value, the processors.
pub fn as_by_default() {
    interrupts::begin_apart();
    wait_exactly();
    umask(Mode::S_IWGRP | Mode::S_IWOTH);
    // With ADDR_NO_RANDOMIZE every program would have the same addresses (personality(2)).
    const PER_LINUX: libc::c_ulong = 0;
    // SAFETY: the call takes an integer.
    unsafe { libc::personality(PER_LINUX) };
}

/// Lets the owner use the files that this process makes, whatever mask of modes it has inherited. Others get what the
/// person gives them.
pub fn let_owner_use_files() {
    let inherited = umask(Mode::empty());
    umask(inherited & (Mode::S_IRWXG | Mode::S_IRWXO));
}

/// Has every wait end when it should: a larger slack is inherited (PR_SET_TIMERSLACK(2const)).
pub fn wait_exactly() {
    /// The kernel's own for a new process, in nanoseconds.
    const SLACK: u64 = 50_000;
    let _ = prctl::set_timerslack(SLACK);
}

/// Overwrites the name and the arguments of the calling process, since every process that sees it may read them
/// (`/proc/<pid>/cmdline`).
pub fn rename_process(name: &str) -> Result<()> {
    let stat = proc::read("self", "stat");
    let address = |number| proc::stat_field(&stat, number)?.parse::<usize>().ok();
    let (from, to) = (address(48).context("arg_start")?, address(49).context("arg_end")?);
    if from != 0 && to > from {
        let length = to - from;
        let mut bytes = vec![0; length];
        let kept = name.len().min(length - 1);
        bytes[..kept].copy_from_slice(&name.as_bytes()[..kept]);
        // SAFETY: the kernel has put the arguments there, on the stack of this process, which nothing else holds a
        // reference into: the standard library gives out copies.
        unsafe { std::ptr::copy_nonoverlapping(bytes.as_ptr(), from as *mut u8, length) };
    }
    let name = CString::new(name)?;
    Errno::result(
        // SAFETY: the name ends in NUL and outlives the call.
        unsafe { libc::prctl(libc::PR_SET_NAME, name.as_ptr()) },
    )
    .map(drop)
    .context("PR_SET_NAME")
}

/// Moves the calling process into a new mount namespace with private propagation. Root's decoys are mounted in it; an
/// ordinary user's are mounted by their PID 1.
pub fn own_mount_namespace() -> Result<()> {
    if geteuid().is_root() {
        nix::sched::unshare(CloneFlags::CLONE_NEWNS).context("unshare(CLONE_NEWNS)")?;
        let private = MsFlags::MS_REC | MsFlags::MS_PRIVATE;
        mount(None::<&str>, "/", None::<&str>, private, None::<&str>).context("making / private")?;
    }
    Ok(())
}

/// Closes descriptors that a child of clone(2) inherits and must not use.
pub fn close_all_but(keep: &OwnedFd) {
    let keep = keep.as_raw_fd() as libc::c_uint;
    // SAFETY: the caller holds no other descriptor that it will use.
    unsafe {
        if keep > 3 {
            libc::syscall(libc::SYS_close_range, 3, keep - 1, 0);
        }
        libc::syscall(libc::SYS_close_range, keep + 1, libc::c_uint::MAX, 0);
    }
}
