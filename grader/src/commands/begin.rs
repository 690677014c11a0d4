//! Checks that the grader's own process must pass first.

use anyhow::{Context, Result, ensure};
use nix::sys::resource::{Resource, getrlimit};
use nix::sys::signal::{SigHandler, Signal, signal};

/// The stack that the commands need, in bytes. Measured: unoptimized builds crash with 128 KiB and run with 160; deep
/// directories and long paths need more.
const STACK: u64 = 1 << 20;

/// Checks the limits of this process (getrlimit(2)).
///
/// # Errors
/// The stack is too small: a command would die by SIGSEGV at its first deep call.
pub fn begin() -> Result<()> {
    // By default SIGXFSZ kills the process without a message. If it is ignored, write(2) fails with EFBIG
    // (setrlimit(2), RLIMIT_FSIZE). Child processes get the default back: `interrupts`, `labs::process`,
    // `decoy::limits`.
    // SAFETY: no handler is installed.
    unsafe { signal(Signal::SIGXFSZ, SigHandler::SigIgn) }.context("ignoring SIGXFSZ")?;
    let (stack, _) = getrlimit(Resource::RLIMIT_STACK).context("getrlimit(2)")?;
    ensure!(
        stack >= STACK,
        "the stack is limited to {} KiB, but {} KiB are needed; this helps: ulimit -s {}",
        stack >> 10,
        STACK >> 10,
        STACK >> 10
    );
    Ok(())
}
