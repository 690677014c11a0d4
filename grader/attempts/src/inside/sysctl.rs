//! A sysctl: opened for writing, and written back as it was.

use super::Inside;
use super::look::{is_null, look};
use nix::errno::Errno;
use nix::fcntl::OFlag;
use nix::sys::statfs::{PROC_SUPER_MAGIC, fstatfs};
use nix::sys::uio::{pread, pwrite};
use std::os::fd::IntoRawFd;

/// Opens the sysctl for writing and writes the value that it has. The descriptor stays open: the host looks for it. What is
/// no sysctl, whatever its path, is not written to.
///
/// # Errors
/// Those of the calls; what is there is a device.
pub fn write_back(me: &mut Inside, path: &str) -> Result<(), Errno> {
    let found = look(path);
    if found.is_device_but(is_null) {
        return Err(me.give_up(&format!("{path} is a device")));
    }
    let file = found.open(OFlag::O_RDWR)?;
    let mut value = [0; 4096];
    let length = pread(&file, &mut value, 0)?;
    if fstatfs(&file)?.filesystem_type() == PROC_SUPER_MAGIC {
        pwrite(&file, &value[..length], 0)?;
    }
    let _ = file.into_raw_fd();
    Ok(())
}
