//! What nothing in a decoy may exceed, so that a hostile program harms neither the machine nor the next trial.
//!
//! Resource limits hold for each process that the decoy starts; control groups, where they can be made, hold for
//! all of them together. An attempt on a resource takes far less than this: what stops it is the container.

use nix::sys::resource::{Resource, getrlimit, setrlimit};
use nix::sys::signal::{SigHandler, Signal, signal};

/// Processes in a decoy.
pub const PROCESSES: u64 = 400;
/// The memory of a decoy, in bytes.
pub const MEMORY: u64 = 768 << 20;
/// The largest file, in bytes.
const FILE: u64 = 64 << 20;

/// The resource limits of a program that a decoy starts (setrlimit(2)). Inside a user namespace its processes
/// are counted by themselves (user_namespaces(7)).
pub fn apply(in_user_namespace: bool) -> nix::Result<()> {
    setrlimit(Resource::RLIMIT_CORE, 0, 0)?;
    lower(Resource::RLIMIT_FSIZE, FILE)?;
    // The grader ignores it, and who is executed would inherit that (execve(2)).
    // SAFETY: no handler is installed.
    unsafe { signal(Signal::SIGXFSZ, SigHandler::SigDfl) }?;
    if in_user_namespace {
        lower(Resource::RLIMIT_NPROC, PROCESSES)?;
    }
    // One process can't take more than the group could.
    lower(Resource::RLIMIT_DATA, MEMORY)
}

/// The smaller of ours and the caller's: to raise a hard limit takes a privilege.
fn lower(resource: Resource, most: u64) -> nix::Result<()> {
    let (_, hard) = getrlimit(resource)?;
    setrlimit(resource, most.min(hard), most.min(hard))
}
