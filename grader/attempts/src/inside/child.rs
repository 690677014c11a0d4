//! Children of the attacker that only have to be there while the host looks.

use nix::errno::Errno;
use nix::libc;
use nix::unistd::{ForkResult, Pid, fork};

/// A child that waits.
pub fn waiting() -> Result<Pid, Errno> {
    // SAFETY: the probe has one thread.
    match unsafe { fork() }? {
        ForkResult::Parent { child } => Ok(child),
        ForkResult::Child => wait(),
    }
}

/// Waits until the attacker is gone.
pub fn wait() -> ! {
    // SAFETY: prctl(2) with integers.
    unsafe { libc::prctl(libc::PR_SET_PDEATHSIG, libc::SIGKILL) };
    loop {
        std::thread::sleep(std::time::Duration::from_secs(1));
    }
}
