//! A sysfs for the attacker: the one at /sys, or one that it mounts itself.

use super::procfs::{is, mounted};
use nix::errno::Errno;
use nix::sys::statfs::SYSFS_MAGIC;

/// Where a sysfs is: at /sys if that is one, else on a directory made for it. Nothing is remounted.
pub fn sysfs() -> Result<&'static str, Errno> {
    if is("/sys", SYSFS_MAGIC) {
        return Ok("/sys");
    }
    mounted("sysfs", &["/tmp/sysfs", "/run/sysfs", "/sysfs", "/sys"])
}
