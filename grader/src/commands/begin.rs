//! What the grader's own process needs before anything else.

use anyhow::{Context, Result, ensure};
use nix::sys::resource::{Resource, getrlimit};
use nix::sys::signal::{SigHandler, Signal, signal};

/// The stack that the commands need, in bytes. Measured: not optimised they end in a signal with 128 KiB, and run with
/// 160; deep directories and long paths take more.
const STACK: u64 = 1 << 20;

/// Looks at the limits of this process (getrlimit(2)).
///
/// # Errors
/// The stack is too small: a command would end in SIGSEGV at its first deep call.
pub fn begin() -> Result<()> {
    // By default it ends the process, without a word. Ignored, write(2) fails with EFBIG (setrlimit(2), RLIMIT_FSIZE).
    // What the grader starts gets it back as it is by default: `interrupts`, `labs::process`, `decoy::limits`.
    // SAFETY: no handler is installed.
    unsafe { signal(Signal::SIGXFSZ, SigHandler::SigIgn) }.context("ignoring SIGXFSZ")?;
    let (stack, _) = getrlimit(Resource::RLIMIT_STACK).context("getrlimit(2)")?;
    ensure!(
        stack >= STACK,
        "the stack is limited to {} KiB, and {} KiB are needed; this helps: ulimit -s {}",
        stack >> 10,
        STACK >> 10,
        STACK >> 10
    );
    Ok(())
}
