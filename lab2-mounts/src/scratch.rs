//! `/tmp` and `/run`: file systems in memory that end with the container, so that nothing which is left in
//! them reaches the host's disk.

use common::prelude::*;

/// `/tmp`, where everybody may write and nobody may delete another's files (mode 1777).
pub fn tmp() -> Result<()> {
    // step: tmp
    let tmp = crate::target::directory("tmp").step("tmp")?;
    let flags = MsFlags::MS_NOSUID | MsFlags::MS_NODEV;
    mount(Some("tmpfs"), tmp.path(), Some("tmpfs"), flags, Some("mode=1777")).step("tmp")?;
    // end step

    Ok(())
}

/// `/run`, for what a running system notes about itself (hier(7)).
pub fn run() -> Result<()> {
    // step: run
    let run = crate::target::directory("run").step("run")?;
    let flags = MsFlags::MS_NOSUID | MsFlags::MS_NODEV;
    mount(Some("tmpfs"), run.path(), Some("tmpfs"), flags, Some("mode=755")).step("run")?;
    // end step

    Ok(())
}
