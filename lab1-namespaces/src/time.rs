//! The time namespace: the boot-time clock of the container (time_namespaces(7)).

use common::prelude::*;

/// Enters a new time namespace whose boot-time clock is a week ahead of the machine's.
pub fn enter() -> Result<()> {
    // step: time-namespace
    use nix::sched::{CloneFlags, setns, unshare};
    let new_time = CloneFlags::from_bits_retain(nix::libc::CLONE_NEWTIME);
    let made = unshare(new_time);
    if !made.or_without("time namespaces", "it has the host's boot-time clock").step("time-namespace")? {
        return Ok(());
    }
    // Only while nobody is in it can its offsets be written; unshare(2) moves future children, not the caller.
    std::fs::write("/proc/self/timens_offsets", "boottime 604800 0").step("time-namespace")?;
    let ours = std::fs::File::open("/proc/self/ns/time_for_children").step("time-namespace")?;
    setns(ours, new_time).step("time-namespace")?;
    // end step

    Ok(())
}
