//! What nothing in a decoy may exceed, so that a hostile program harms neither the machine nor the next trial.
//!
//! Resource limits hold for each process that the decoy starts; control groups, where they can be made, hold for
//! all of them together. An attempt on a resource takes far less than this: what stops it is the container.

use nix::libc::RLIM_INFINITY;
use nix::sys::resource::{Resource, getrlimit, setrlimit};

/// Processes in a decoy.
pub const PROCESSES: u64 = 400;
/// The memory of a decoy, in bytes.
pub const MEMORY: u64 = 768 << 20;
/// The largest file, in bytes.
const FILE: u64 = 64 << 20;

/// The limits of each program, soft and hard, whoever called the grader: the kernel's own at its start (INIT_RLIMITS), and
/// smaller ones where a program could do harm. One process can't take more memory than the group could.
const LIMITS: [(Resource, u64, u64); 12] = [
    (Resource::RLIMIT_AS, RLIM_INFINITY, RLIM_INFINITY),
    (Resource::RLIMIT_CORE, 0, 0),
    (Resource::RLIMIT_CPU, RLIM_INFINITY, RLIM_INFINITY),
    (Resource::RLIMIT_DATA, MEMORY, MEMORY),
    (Resource::RLIMIT_FSIZE, FILE, FILE),
    (Resource::RLIMIT_MEMLOCK, 8 << 20, 8 << 20),
    (Resource::RLIMIT_MSGQUEUE, 819_200, 819_200),
    (Resource::RLIMIT_NICE, 0, 0),
    (Resource::RLIMIT_NOFILE, 1024, 4096),
    (Resource::RLIMIT_RTPRIO, 0, 0),
    (Resource::RLIMIT_SIGPENDING, RLIM_INFINITY, RLIM_INFINITY),
    (Resource::RLIMIT_STACK, 8 << 20, RLIM_INFINITY),
];

/// The resource limits of a program that a decoy starts (setrlimit(2)). Inside a user namespace its processes
/// are counted by themselves (user_namespaces(7)).
pub fn apply(in_user_namespace: bool) -> nix::Result<()> {
    let processes = (Resource::RLIMIT_NPROC, PROCESSES, PROCESSES);
    let counted = in_user_namespace.then_some(processes);
    for (resource, soft, hard) in LIMITS.into_iter().chain(counted) {
        // Not above the caller's: to raise a hard limit takes a privilege.
        let (_, highest) = getrlimit(resource)?;
        setrlimit(resource, soft.min(highest), hard.min(highest))?;
    }
    Ok(())
}
