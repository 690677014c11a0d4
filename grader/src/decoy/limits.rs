//! What nothing in a decoy may exceed, so that a hostile program harms neither the machine nor the next trial.
//!
//! Resource limits hold for each process that the decoy starts; control groups, where they can be made, hold for
//! all of them together. An attempt on a resource takes far less than this: what stops it is the container.

use nix::sys::resource::{Resource, setrlimit};

/// Processes in a decoy.
pub const PROCESSES: u64 = 1024;
/// The memory of a decoy, in bytes.
pub const MEMORY: u64 = 768 << 20;
/// The largest file, in bytes.
const FILE: u64 = 64 << 20;

/// The resource limits of a program that a decoy starts (setrlimit(2)). Inside a user namespace its processes
/// are counted by themselves (user_namespaces(7)).
pub fn apply(in_user_namespace: bool) -> nix::Result<()> {
    setrlimit(Resource::RLIMIT_CORE, 0, 0)?;
    setrlimit(Resource::RLIMIT_FSIZE, FILE, FILE)?;
    if in_user_namespace {
        setrlimit(Resource::RLIMIT_NPROC, PROCESSES, PROCESSES)?;
    }
    // One process can't take more than the group could.
    setrlimit(Resource::RLIMIT_DATA, MEMORY, MEMORY)
}
