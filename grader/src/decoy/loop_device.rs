//! Loop devices: block devices over memory, read-only (loop(4)).
//!
//! LO_FLAGS_AUTOCLEAR: a device goes with its last descriptor or mount, however the grader ends.

use crate::beneath::{Directory, Entry};
use crate::report::DecoyKind;
use anyhow::{Context, Result, bail};
use nix::errno::Errno;
use nix::fcntl::{OFlag, open};
use nix::libc;
use nix::sys::stat::{Mode, SFlag, makedev};
use std::fs::File;
use std::os::fd::{AsRawFd, OwnedFd};
use std::os::unix::fs::MetadataExt;
use std::path::Path;

/// include/uapi/linux/loop.h
const LOOP_CTL_GET_FREE: libc::c_ulong = 0x4C82;
const LOOP_CONFIGURE: libc::c_ulong = 0x4C0A;
const LOOP_GET_STATUS64: libc::c_ulong = 0x4C05;
const LOOP_CHANGE_FD: libc::c_ulong = 0x4C06;
const LO_FLAGS_READ_ONLY: u32 = 1;
const LO_FLAGS_AUTOCLEAR: u32 = 4;
/// Documentation/admin-guide/devices.txt
const LOOP_MAJOR: u64 = 7;
const LOOP_CONTROL: (u64, u64) = (10, 237);

/// A loop device, bound for as long as this lives.
pub struct LoopDevice {
    /// Its minor number; the major one is 7.
    pub number: u64,
    device: OwnedFd,
    file: File,
}

/// `struct loop_info64`.
#[repr(C)]
struct LoopInfo64 {
    device: u64,
    inode: u64,
    rdevice: u64,
    offset: u64,
    sizelimit: u64,
    number: u32,
    encrypt_type: u32,
    encrypt_key_size: u32,
    flags: u32,
    file_name: [u8; 64],
    crypt_name: [u8; 64],
    encrypt_key: [u8; 32],
    init: [u64; 2],
}

/// `struct loop_config`.
#[repr(C)]
struct LoopConfig {
    fd: u32,
    block_size: u32,
    info: LoopInfo64,
    reserved: [u64; 8],
}

impl LoopDevice {
    /// Binds one to a file. Needs real root; `scratch` is a directory on a file system that allows device nodes.
    pub fn bind(file: &File, scratch: &Path) -> Result<LoopDevice> {
        let scratch = Directory::open(scratch).with_context(|| scratch.display().to_string())?;
        // Another program may take the free device first.
        for _ in 0..16 {
            let control = node(&scratch, LOOP_CONTROL, SFlag::S_IFCHR).context("the loop control device")?;
            // SAFETY: this ioctl takes no argument and returns a number.
            let number = Errno::result(unsafe { libc::ioctl(control.as_raw_fd(), LOOP_CTL_GET_FREE as _) })
                .context("no loop device is to be had (LOOP_CTL_GET_FREE)")? as u64;
            let device = node(&scratch, (LOOP_MAJOR, number), SFlag::S_IFBLK)
                .with_context(|| format!("loop device {number}"))?;
            // SAFETY: the structures are plain numbers, for which zero is a value.
            let mut config: LoopConfig = unsafe { std::mem::zeroed() };
            config.fd = file.as_raw_fd() as u32;
            config.info.flags = LO_FLAGS_AUTOCLEAR | LO_FLAGS_READ_ONLY;
            // SAFETY: LOOP_CONFIGURE reads one loop_config.
            match Errno::result(unsafe { libc::ioctl(device.as_raw_fd(), LOOP_CONFIGURE as _, &config) }) {
                Ok(_) => return Ok(LoopDevice { number, device, file: file.try_clone()? }),
                Err(Errno::EBUSY) => {}
                Err(errno) => return Err(errno).context("binding a loop device (LOOP_CONFIGURE)"),
            }
        }
        bail!("every free loop device was taken by another program first")
    }

    /// Its device number.
    pub fn device_number(&self) -> u64 {
        makedev(LOOP_MAJOR, self.number)
    }

    /// Puts the file back behind the device. False where another was there: whoever may read a read-only loop
    /// device may also exchange what is behind it (LOOP_CHANGE_FD asks for no capability).
    pub fn restore(&self) -> Result<bool> {
        let whole = self.is_whole()?;
        if !whole {
            let file = self.file.as_raw_fd();
            // SAFETY: an ioctl that takes a descriptor, which is open.
            Errno::result(unsafe { libc::ioctl(self.device.as_raw_fd(), LOOP_CHANGE_FD as _, file) })
                .context("LOOP_CHANGE_FD")?;
            anyhow::ensure!(self.is_whole()?, "the decoy disk can't be put back");
        }
        Ok(whole)
    }

    fn is_whole(&self) -> Result<bool> {
        // SAFETY: a structure of plain numbers, for which zero is a value; LOOP_GET_STATUS64 writes one.
        let about = unsafe {
            let mut about: LoopInfo64 = std::mem::zeroed();
            Errno::result(libc::ioctl(self.device.as_raw_fd(), LOOP_GET_STATUS64 as _, &mut about))
                .context("LOOP_GET_STATUS64")?;
            about
        };
        Ok(about.inode == self.file.metadata()?.ino() && about.offset == 0 && about.sizelimit == 0)
    }

    /// Makes a node for it, owned by real root. In a decoy of the root kind it has the mode of a real disk's. In one of the
    /// user kind all may read it, since nobody there is real root, and nobody may open it for writing and so reconfigure
    /// the device.
    pub fn node_at(&self, directory: &Directory, path: &str, kind: DecoyKind) -> Result<Entry> {
        let mode = match kind {
            DecoyKind::Root => 0o660,
            DecoyKind::User => 0o444,
        };
        let number = makedev(LOOP_MAJOR, self.number);
        directory.node(path, SFlag::S_IFBLK, number, mode).with_context(|| format!("mknod {path}"))
    }
}

/// Opens a device through a node of our own: `/dev` need not have one.
fn node(scratch: &Directory, (major, minor): (u64, u64), kind: SFlag) -> Result<OwnedFd> {
    let name = format!("node-{major}-{minor}");
    let node = scratch.node(&name, kind, makedev(major, minor), 0o600).context("mknod")?;
    let opened = open(&node.path(), OFlag::O_RDWR | OFlag::O_CLOEXEC, Mode::empty());
    let _ = scratch.remove(&name);
    Ok(opened?)
}
