//! What the grader's own process must have before anything else: signals, file modes and limits, whatever it has inherited.

use crate::{interrupts, this_process};
use anyhow::{Context, Result, bail};
use nix::sys::resource::{Resource, getrlimit, setrlimit};
use nix::unistd::geteuid;

/// A limit: its name in messages, as an option of prlimit(1), and how much the grader and a decoy host need.
struct Limit {
    resource: Resource,
    name: &'static str,
    option: &'static str,
    needed: u64,
    /// The size of the unit that messages count in, and its name.
    unit: (u64, &'static str),
}

/// What is needed. Measured with an unoptimized build: it runs with two thirds of each; deep directories, long paths and
/// large programs need more.
const LIMITS: [Limit; 5] = [
    limit(Resource::RLIMIT_STACK, "the stack", "stack", 1 << 20, KIB),
    limit(Resource::RLIMIT_NOFILE, "the number of open files", "nofile", 128, EACH),
    limit(Resource::RLIMIT_MSGQUEUE, "the memory of message queues", "msgqueue", 4 << 10, KIB),
    limit(Resource::RLIMIT_AS, "the address space", "as", 256 << 20, KIB),
    limit(Resource::RLIMIT_DATA, "the memory for data", "data", 64 << 20, KIB),
];
const KIB: (u64, &str) = (1 << 10, " KiB");
const EACH: (u64, &str) = (1, "");

const fn limit(
    resource: Resource,
    name: &'static str,
    option: &'static str,
    needed: u64,
    unit: (u64, &'static str),
) -> Limit {
    Limit { resource, name, option, needed, unit }
}

/// Makes the process independent of whoever started it, as far as it may.
///
/// # Errors
/// A hard limit is too small, and the person may not raise it: a command would die at some call, or judge nothing.
pub fn begin() -> Result<()> {
    interrupts::begin();
    this_process::let_owner_use_files();
    this_process::wait_exactly();
    for resource in [Resource::RLIMIT_CPU, Resource::RLIMIT_FSIZE, Resource::RLIMIT_SIGPENDING] {
        let (_, hard) = getrlimit(resource).context("getrlimit(2)")?;
        let _ = setrlimit(resource, hard, hard);
    }
    LIMITS.iter().try_for_each(Limit::raise)
}

impl Limit {
    /// Sees that there is as much as is needed: a soft limit is raised to the hard one, and for root the hard one too.
    fn raise(&self) -> Result<()> {
        let (soft, hard) = getrlimit(self.resource).context("getrlimit(2)")?;
        if soft >= self.needed || setrlimit(self.resource, self.needed, hard.max(self.needed)).is_ok() {
            return Ok(());
        }
        let (size, unit) = self.unit;
        let sudo = if geteuid().is_root() { "" } else { "sudo " };
        bail!(
            "{} is limited to {}{unit}, but {}{unit} are needed; this helps: {sudo}prlimit --pid $$ --{}={}",
            self.name,
            hard / size,
            self.needed / size,
            self.option,
            self.needed
        )
    }
}
