//! The decoy disk: a loop device whose first block holds a random word.

use super::loop_device::LoopDevice;
use crate::random::random_word;
use anyhow::{Context, Result};
use nix::sys::memfd::{MFdFlags, memfd_create};
use std::fs::File;
use std::io::Write;
use std::path::Path;

/// The size of the disk: small, but larger than the block that is read.
const SIZE: u64 = 1 << 20;

/// The disk, there for as long as this lives.
pub struct Disk {
    /// What its first block begins with.
    pub nonce: String,
    /// Its device.
    pub device: LoopDevice,
}

impl Disk {
    /// Makes one. Needs real root; `scratch` is a directory on a file system that allows device nodes.
    pub fn make(scratch: &Path) -> Result<Disk> {
        let nonce = format!("decoy disk {}", random_word(32)?);
        let mut memory =
            File::from(memfd_create("decoy-disk", MFdFlags::MFD_CLOEXEC).context("memfd_create(2)")?);
        memory.set_len(SIZE)?;
        memory.write_all(nonce.as_bytes())?;
        Ok(Disk { nonce, device: LoopDevice::bind(&memory, scratch)? })
    }
}
