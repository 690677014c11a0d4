//! What of `/proc` and `/sys` is made read-only or hidden. The lists are the defaults that go with the OCI
//! runtime specification's `readonlyPaths` and `maskedPaths`. Who may mount can undo all of it: lab 4.

use common::prelude::*;

/// What belongs to the whole machine and can be written.
pub const READ_ONLY: [&str; 5] = ["proc/bus", "proc/fs", "proc/irq", "proc/sys", "proc/sysrq-trigger"];

/// What tells of the whole machine.
pub const MASKED: [&str; 11] = [
    "proc/acpi",
    "proc/asound",
    "proc/kcore",
    "proc/keys",
    "proc/latency_stats",
    "proc/sched_debug",
    "proc/scsi",
    "proc/timer_list",
    "proc/timer_stats",
    "sys/devices/virtual/powercap",
    "sys/firmware",
];

/// Binds each path onto itself and makes that mount read-only. What this kernel lacks is passed over.
pub fn read_only() -> Result<()> {
    // step: read-only-paths
    for path in READ_ONLY {
        let Some(below) = crate::target::existing(path).step("read-only-paths")? else { continue };
        let bind = MsFlags::MS_BIND | MsFlags::MS_REC;
        mount(Some(below.path()), below.path(), NONE, bind, NONE).step("read-only-paths")?;
        // A bind takes no other flag: a second call sets them, and it must name those that are there already.
        let bound = crate::target::open(path).step("read-only-paths")?;
        let locked = MsFlags::MS_NOSUID | MsFlags::MS_NODEV | MsFlags::MS_NOEXEC;
        let flags = MsFlags::MS_REMOUNT | MsFlags::MS_BIND | MsFlags::MS_RDONLY | locked;
        mount(NONE, bound.path(), NONE, flags, NONE).step("read-only-paths")?;
    }
    // end step

    Ok(())
}

/// Covers each path: a file with `/dev/null`, a directory with an empty read-only tmpfs.
pub fn masked() -> Result<()> {
    // step: masked-paths
    for path in MASKED {
        let Some(target) = crate::target::existing(path).step("masked-paths")? else { continue };
        let mask = if target.is_directory().step("masked-paths")? {
            mount(Some("tmpfs"), target.path(), Some("tmpfs"), MsFlags::MS_RDONLY, Some("size=0k"))
        } else {
            mount(Some("/dev/null"), target.path(), NONE, MsFlags::MS_BIND, NONE)
        };
        mask.step("masked-paths")?;
    }
    // end step

    Ok(())
}
