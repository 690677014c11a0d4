//! Lab 0: the base program. A process whose root is another directory.
//!
//! chroot(2) changes what `/` means to a process, and nothing else: it still sees the host's processes,
//! names, network and devices. The labs after this one take those away, one mechanism at a time.

use common::{Result, Step};
use nix::unistd::chroot;
use std::path::Path;

/// Makes `rootfs` the root of this process, and its working directory.
pub fn chroot_to(rootfs: &Path) -> Result<()> {
    chroot(rootfs).step("chroot")?;

    // step: chdir
    // chroot(2) leaves the working directory where it was: outside, and a way back for every relative path.
    nix::unistd::chdir("/").step("chdir")?;
    // end step

    Ok(())
}
