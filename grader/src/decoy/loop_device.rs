//! Loop devices: block devices over memory, read-only (loop(4)).
//!
//! LO_FLAGS_AUTOCLEAR: a device goes with its last descriptor or mount, however the grader ends.

use crate::beneath::{Directory, Entry};
use anyhow::{Context, Result, bail};
use nix::errno::Errno;
use nix::fcntl::{OFlag, open};
use nix::libc;
use nix::sys::stat::{Mode, SFlag, makedev};
use std::ffi::CString;
use std::fs::File;
use std::os::fd::{AsRawFd, OwnedFd};
use std::os::unix::ffi::OsStrExt;
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

    /// Makes a node for it, owned by real root, with the mode of a real disk's. One user more may read it, the root of a user
    /// namespace: as its owner it could open it for writing and reconfigure the device.
    pub fn node_at(&self, directory: &Directory, path: &str, reader: Option<u32>) -> Result<Entry> {
        let number = makedev(LOOP_MAJOR, self.number);
        let node = directory.node(path, SFlag::S_IFBLK, number, 0o660);
        let node = node.with_context(|| format!("mknod {path}"))?;
        match reader.map(|uid| let_read(&node.path(), uid)) {
            // A tmpfs without such lists: all may read it.
            Some(Err(Errno::EOPNOTSUPP)) => node.set_mode(0o444).map_err(Into::into),
            done => done.unwrap_or(Ok(())).context("an access control list"),
        }?;
        Ok(node)
    }
}

/// Lets a user read a file, beside its owner who may also write: acl(5), as include/uapi/linux/posix_acl_xattr.h has it.
fn let_read(path: &Path, user: u32) -> nix::Result<()> {
    const VERSION: u32 = 2;
    let (nobody, read) = (u32::MAX, 4);
    // Tag, permissions and id: the owner, the user, the owner's group, what a user may have at most, and all others.
    let entries = [
        (1u16, read | 2u16, nobody),
        (2, read, user),
        (4, 0, nobody),
        (0x10, read, nobody),
        (0x20, 0, nobody),
    ];
    let mut list = VERSION.to_le_bytes().to_vec();
    for (tag, permissions, id) in entries {
        list.extend([tag.to_le_bytes(), permissions.to_le_bytes()].concat());
        list.extend(id.to_le_bytes());
    }
    let path = CString::new(path.as_os_str().as_bytes()).map_err(|_| Errno::EINVAL)?;
    let (name, value) = (c"system.posix_acl_access".as_ptr(), list.as_ptr().cast());
    // SAFETY: both names end in NUL, and all that is pointed to outlives the call, which only reads it.
    Errno::result(unsafe { libc::setxattr(path.as_ptr(), name, value, list.len(), 0) }).map(drop)
}

/// Opens a device through a node of our own: `/dev` need not have one.
fn node(scratch: &Directory, (major, minor): (u64, u64), kind: SFlag) -> Result<OwnedFd> {
    let name = format!("node-{major}-{minor}");
    let node = scratch.node(&name, kind, makedev(major, minor), 0o600).context("mknod")?;
    let opened = open(&node.path(), OFlag::O_RDWR | OFlag::O_CLOEXEC, Mode::empty());
    let _ = scratch.remove(&name);
    Ok(opened?)
}
