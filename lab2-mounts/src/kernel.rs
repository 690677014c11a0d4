//! `/proc` and `/sys`: the kernel's own file systems, as this container's namespaces show them.

use common::prelude::*;

/// A procfs that shows the processes of the container's PID namespace (proc(5)).
pub fn proc() -> Result<()> {
    // step: proc
    let proc = crate::target::directory("proc").step("proc")?;
    let flags = MsFlags::MS_NOSUID | MsFlags::MS_NODEV | MsFlags::MS_NOEXEC;
    mount(Some("proc"), proc.path(), Some("proc"), flags, NONE).step("proc")?;
    // end step

    Ok(())
}

/// A sysfs that shows the interfaces of the container's network namespace, read-only: most of what can be
/// written there belongs to the whole machine (sysfs(5)).
pub fn sys() -> Result<()> {
    // step: sys
    let sys = crate::target::directory("sys").step("sys")?;
    let flags = MsFlags::MS_NOSUID | MsFlags::MS_NODEV | MsFlags::MS_NOEXEC | MsFlags::MS_RDONLY;
    mount(Some("sysfs"), sys.path(), Some("sysfs"), flags, NONE).step("sys")?;
    // end step

    Ok(())
}
