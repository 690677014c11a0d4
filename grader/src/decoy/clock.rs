//! The boot-time clock of a decoy host: a time namespace (time_namespaces(7)).

use nix::errno::Errno;
use nix::libc;
use nix::sched::{CloneFlags, setns, unshare};
use nix::sys::wait::{WaitStatus, waitpid};
use nix::unistd::{ForkResult, fork};
use std::fs::{self, File};
use std::sync::OnceLock;

const NEW_TIME: CloneFlags = CloneFlags::from_bits_retain(libc::CLONE_NEWTIME);

/// Gives the calling process a clock that no other host has. Where that can't be, it is the machine's.
pub(super) fn set_apart(offset: i64) {
    if unshare(NEW_TIME).is_ok() {
        let _ = fs::write("/proc/self/timens_offsets", format!("boottime {offset} 0"));
        if let Ok(ours) = File::open("/proc/self/ns/time_for_children") {
            let _ = setns(ours, NEW_TIME);
        }
    }
}

/// Why no container on this machine can have a clock of its own, if so. The calling process has one thread.
pub fn is_shared() -> Option<String> {
    static REFUSED: OnceLock<Option<Errno>> = OnceLock::new();
    REFUSED.get_or_init(refused).map(|errno| format!("no time namespace can be made here: {errno}"))
}

/// Tries it in a child, whose own children alone would be in it.
fn refused() -> Option<Errno> {
    // SAFETY: this process has one thread; the child makes two system calls.
    match unsafe { fork() }.ok()? {
        ForkResult::Child => {
            let errno = unshare(NEW_TIME).err().map_or(0, |errno| errno as i32);
            // SAFETY: ends the child without running what the grader would run at its exit.
            unsafe { libc::_exit(errno) }
        }
        ForkResult::Parent { child } => match waitpid(child, None) {
            Ok(WaitStatus::Exited(_, errno)) if errno != 0 => Some(Errno::from_raw(errno)),
            _ => None,
        },
    }
}
