//! The kernel's own file systems, procfs and sysfs: the one that is there, or one that the attacker mounts itself.

use super::{Attacker, Failed};
use crate::host::Handles;
use nix::errno::Errno;
use nix::libc::{self, c_int, c_ulong};
use nix::sys::stat::{fstat, makedev};
use nix::sys::statfs::{FsType, PROC_SUPER_MAGIC, SYSFS_MAGIC, fstatfs};
use nix::sys::statvfs::{FsFlags, fstatvfs};
use std::fs::{self, File};
use std::os::unix::fs::{FileExt, MetadataExt};

/// Flags that a mount of the attacker's has, since a user namespace may not leave out what its other mounts have
/// (mount_namespaces(7)).
const CAREFUL: c_ulong = libc::MS_NOSUID | libc::MS_NODEV | libc::MS_NOEXEC;

/// Bits of the flags of mount(2) that change nothing: `MS_SILENT`, `MS_I_VERSION`, and those that the kernel has for itself or
/// has not used yet (include/uapi/linux/mount.h).
pub const IGNORED: [i32; 10] = [
    libc::MS_SILENT as i32,
    libc::MS_I_VERSION as i32,
    512,
    1 << 22,
    1 << 26,
    1 << 27,
    1 << 28,
    1 << 29,
    1 << 30,
    libc::MS_REC as i32,
];

/// As much is read of a file of the kernel's.
const MUCH: usize = 64 << 10;

/// So many mounts are taken away that lie upon each other.
const LAYERS: usize = 256;

impl Attacker<'_> {
    /// Where a procfs is: at `/proc` if that is one, else where the attacker can mount it. Nothing is remounted.
    ///
    /// # Errors
    /// Here and below: see [`Hand::call`](super::Hand::call).
    pub fn procfs(&mut self) -> Result<String, Failed> {
        match self.is("/proc", PROC_SUPER_MAGIC)? {
            true => Ok("/proc".into()),
            false => self.new_procfs(),
        }
    }

    /// Mounts a procfs of the attacker's own, which no mask or read-only mount lies upon. Returns its path.
    pub fn new_procfs(&mut self) -> Result<String, Failed> {
        self.new_file_system("proc", "/proc")
    }

    /// The same as [`Attacker::procfs`] of a sysfs, at `/sys`.
    pub fn sysfs(&mut self) -> Result<String, Failed> {
        match self.is("/sys", SYSFS_MAGIC)? {
            true => Ok("/sys".into()),
            false => self.new_file_system("sysfs", "/sys"),
        }
    }

    /// Mounts a new file system on a directory of the attacker's own, or else at its usual place. Returns its path. The last
    /// refusal is that of the last way to mount.
    pub fn new_file_system(&mut self, kind: &str, usual: &str) -> Result<String, Failed> {
        let own = self.directory()?;
        let below = format!("{own}/{kind}");
        let place = if own != "/" && self.has_directory(&below)? { &below } else { usual };
        let flags = [CAREFUL, CAREFUL | libc::MS_RELATIME, 0].map(|flags| flags as i32);
        let flags = self.varied(&flags, &IGNORED);
        match self.with_each(flags, |me, flags| me.mount(kind, place, kind, flags as c_ulong)) {
            Ok(()) => return Ok(place.to_owned()),
            Err(Failed::Refused(_)) => {}
            Err(other) => return Err(other),
        }
        let context = self.fsopen(kind)?;
        self.fsconfig_create(context)?;
        let mount = self.fsmount(context)?;
        self.move_mount(mount, place)?;
        Ok(place.to_owned())
    }

    /// Makes a directory, unless it is there already. Whether it is there.
    fn has_directory(&mut self, path: &str) -> Result<bool, Failed> {
        match self.mkdir(path, 0o700) {
            Ok(()) | Err(Failed::Refused(Errno::EEXIST)) => Ok(true),
            Err(Failed::Refused(_)) => Ok(false),
            Err(other) => Err(other),
        }
    }

    /// Opens a file of the kernel's, whatever may lie over it. What lies there, and whether its mount is read-only, the host
    /// notes ([`Handles`]). No device is opened: what a program has put in the file's place may be the machine's.
    pub fn open_kernel_file(&mut self, path: &str, flags: c_int) -> Result<c_int, Failed> {
        if let Some(seen) = self.look_at_file_system(path)? {
            let Handles { file_system, read_only, .. } = &mut self.handles;
            (*file_system, *read_only) = (Some(seen.file_system.0), Some(seen.read_only));
            // One file of the kernel's may lie over another.
            if kernel_inode(path).is_some_and(|inode| inode != seen.inode) {
                *file_system = Some(ANOTHER);
            }
            if seen.is_device {
                return self.gives_up(&format!("{path} is a device"));
            }
        }
        self.open_stake(path, flags)
    }

    /// Takes the beginning of a file of the kernel's, [`MUCH`] of it: the host through a duplicate of the descriptor, whose
    /// reader is the attacker to the kernel, and the attacker by itself.
    pub fn take_kernel_file(&mut self, path: &str) -> Result<(), Failed> {
        let file = self.open_kernel_file(path, libc::O_RDONLY)?;
        let duplicate = File::from(self.hand.duplicate(file)?);
        let mut bytes = vec![0; MUCH];
        let mut length = 0;
        while let Ok(more @ 1..) = duplicate.read_at(&mut bytes[length..], length as u64) {
            length += more;
        }
        self.taken.extend(&bytes[..length]);
        self.take(file)?;
        self.close(file)
    }

    /// Whether the last file of the kernel's that it opened was one, and no other that lies over it.
    pub fn has_kernel_file(&self) -> bool {
        self.handles.is_of_the_kernel()
    }

    /// Takes away what lies over a path, with umount2(2), as often as that is allowed.
    pub fn unmask(&mut self, path: &str) -> Result<(), Failed> {
        for _ in 0..LAYERS {
            self.unmount(path)?;
        }
        self.gives_up(&format!("there is no end to what is mounted over {path}"))
    }

    /// Makes a mount writable.
    pub fn remount_writable(&mut self, path: &str) -> Result<(), Failed> {
        self.clear_mount_flags(path, libc::MOUNT_ATTR_RDONLY)
    }

    /// Whether a path leads to a file system of this type.
    fn is(&mut self, path: &str, kind: FsType) -> Result<bool, Failed> {
        Ok(self.look_at_file_system(path)?.is_some_and(|seen| seen.file_system == kind))
    }

    /// What the host sees at a path of the attacker's; none where the attacker can't look.
    fn look_at_file_system(&mut self, path: &str) -> Result<Option<Seen>, Failed> {
        let descriptor = match self.look(path) {
            Ok(descriptor) => descriptor,
            Err(Failed::Refused(_)) => return Ok(None),
            Err(other) => return Err(other),
        };
        let file = self.hand.duplicate(descriptor)?;
        self.close(descriptor)?;
        let blind = |errno| Failed::GaveUp(format!("the host can't see what lies at {path}: {errno}"));
        let status = fstat(&file).map_err(blind)?;
        Ok(Some(Seen {
            file_system: fstatfs(&file).map_err(blind)?.filesystem_type(),
            inode: status.st_ino,
            read_only: fstatvfs(&file).map_err(blind)?.flags().contains(FsFlags::ST_RDONLY),
            // The null device hides a file in many containers.
            is_device: status.st_rdev != 0 && status.st_rdev != makedev(1, 3),
        }))
    }
}

/// The type of no file system.
const ANOTHER: i64 = 0;

/// The inode number that a file of every procfs has (`low_ino` in the kernel's fs/proc/generic.c), as the host has it; none where
/// each has its own.
fn kernel_inode(path: &str) -> Option<u64> {
    let name = ["keys", "kallsyms"].into_iter().find(|name| path.ends_with(&format!("/{name}")))?;
    fs::metadata(format!("/proc/{name}")).ok().map(|status| status.ino())
}

/// What lies at a path.
struct Seen {
    /// The type of its file system (statfs(2)).
    file_system: FsType,
    inode: u64,
    read_only: bool,
    is_device: bool,
}
