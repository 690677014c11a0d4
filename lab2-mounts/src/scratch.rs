//! `/tmp` and `/run`: file systems in memory that end with the container, so that nothing which is left in
//! them reaches the host's disk.

use crate::mount_point;
use common::Result;

/// `/tmp`, where everybody may write and nobody may delete another's files (mode 1777).
pub fn tmp() -> Result<()> {
    mount_point("tmp");
    // step: tmp
    use common::Step;
    use nix::mount::{MsFlags, mount};
    let flags = MsFlags::MS_NOSUID | MsFlags::MS_NODEV;
    mount(Some("tmpfs"), "tmp", Some("tmpfs"), flags, Some("mode=1777")).step("tmp")?;
    // end step

    Ok(())
}

/// `/run`, for what a running system notes about itself (hier(7)).
pub fn run() -> Result<()> {
    mount_point("run");
    // step: run
    use common::Step;
    use nix::mount::{MsFlags, mount};
    let flags = MsFlags::MS_NOSUID | MsFlags::MS_NODEV;
    mount(Some("tmpfs"), "run", Some("tmpfs"), flags, Some("mode=755")).step("run")?;
    // end step

    Ok(())
}
