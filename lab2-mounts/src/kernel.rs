//! `/proc` and `/sys`: the kernel's own file systems, as this container's namespaces show them.

use crate::mount_point;
use common::Result;

/// A procfs that shows the processes of the container's PID namespace (proc(5)).
pub fn proc() -> Result<()> {
    mount_point("proc");
    // step: proc
    use common::{NONE, Step};
    use nix::mount::{MsFlags, mount};
    let flags = MsFlags::MS_NOSUID | MsFlags::MS_NODEV | MsFlags::MS_NOEXEC;
    mount(Some("proc"), "proc", Some("proc"), flags, NONE).step("proc")?;
    // end step

    Ok(())
}

/// A sysfs that shows the interfaces of the container's network namespace, read-only: most of what can be
/// written there belongs to the whole machine (sysfs(5)).
pub fn sys() -> Result<()> {
    mount_point("sys");
    // step: sys
    use common::{NONE, Step};
    use nix::mount::{MsFlags, mount};
    let flags = MsFlags::MS_NOSUID | MsFlags::MS_NODEV | MsFlags::MS_NOEXEC | MsFlags::MS_RDONLY;
    mount(Some("sysfs"), "sys", Some("sysfs"), flags, NONE).step("sys")?;
    // end step

    Ok(())
}
