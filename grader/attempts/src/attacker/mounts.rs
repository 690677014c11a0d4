//! Flags of a mount or of a directory, which hold only against who can't take them away.

use super::{Argument, Attacker, Failed, unless_refused};
use nix::errno::Errno;
use nix::libc::{self, c_int, c_long, c_ulong};
use nix::sys::statvfs::{FsFlags, fstatvfs};

/// Flags of an inode: include/uapi/linux/fs.h.
const FS_IMMUTABLE_FL: c_long = 0x10;
const FS_APPEND_FL: c_long = 0x20;

/// Flags of a mount, for mount_setattr(2), as statvfs(3) tells them, and for mount(2).
const FLAGS: [(c_ulong, FsFlags, c_ulong); 4] = [
    (libc::MOUNT_ATTR_RDONLY, FsFlags::ST_RDONLY, libc::MS_RDONLY),
    (libc::MOUNT_ATTR_NOSUID, FsFlags::ST_NOSUID, libc::MS_NOSUID),
    (libc::MOUNT_ATTR_NODEV, FsFlags::ST_NODEV, libc::MS_NODEV),
    (libc::MOUNT_ATTR_NOEXEC, FsFlags::ST_NOEXEC, libc::MS_NOEXEC),
];

/// Directories in which one may be made to mount on, or on which to mount.
const POINTS: [&str; 6] = ["/tmp", "/run", "/mnt", "/etc", "/usr", "/dev"];

impl Attacker<'_> {
    /// Takes these flags (`MOUNT_ATTR_*`) from the mount on which a directory lies. Returns where the directory is without
    /// them: one that is no mount point has no flags of its own, but a bind mount of it has.
    ///
    /// # Errors
    /// Here and below: see [`Hand::call`](super::Hand::call).
    pub fn without_flags(&mut self, directory: &str, flags: c_ulong) -> Result<String, Failed> {
        match self.clear_mount_flags(directory, flags) {
            Err(Failed::Refused(_)) => {}
            done => return done.map(|()| directory.to_owned()),
        }
        let bound = self.bind(directory)?;
        self.clear_mount_flags(&bound, flags).map(|()| bound)
    }

    /// Takes flags from a mount, and leaves the others: with mount_setattr(2), which is newer (Linux 5.12), or mount(2).
    pub fn clear_mount_flags(&mut self, path: &str, flags: c_ulong) -> Result<(), Failed> {
        // `struct mount_attr` of include/uapi/linux/mount.h: flags to set, to clear, propagation, user namespace.
        let attributes = [0, flags, 0, 0].map(u64::to_ne_bytes).concat();
        let size = attributes.len() as i64;
        let (target, attributes) = (Argument::text(path), Argument::Bytes(attributes));
        let arguments = [libc::AT_FDCWD.into(), target, 0.into(), attributes, size.into()];
        match self.call("mount_setattr", libc::SYS_mount_setattr, arguments) {
            Err(Failed::Refused(_)) => {}
            done => return done.map(drop),
        }
        let has = self.mount_flags(path)?;
        let left = FLAGS.iter().filter(|(flag, known, _)| flags & flag == 0 && has.contains(*known));
        let left = left.fold(libc::MS_REMOUNT | libc::MS_BIND, |all, (.., flag)| all | flag);
        self.mount("", path, "", left)
    }

    /// The flags of the mount on which a path lies, as the host sees them.
    fn mount_flags(&mut self, path: &str) -> Result<FsFlags, Failed> {
        let descriptor = self.look(path)?;
        let file = self.hand.duplicate(descriptor)?;
        self.close(descriptor)?;
        let about =
            fstatvfs(&file).map_err(|errno| Failed::GaveUp(format!("the host's fstatvfs(3): {errno}")))?;
        Ok(about.flags())
    }

    /// Mounts a directory a second time, on one that it makes, or on one that is there where nothing can be made. Returns
    /// where that is.
    fn bind(&mut self, directory: &str) -> Result<String, Failed> {
        let mut refused = None;
        for above in POINTS {
            let own = format!("{above}/way-{}", self.mark());
            let makes = !self.is_on_devtmpfs(above)? && unless_refused(self.mkdir(&own, 0o700))?.is_some();
            let point = if makes { own } else { above.to_owned() };
            match self.bind_at(directory, &point) {
                Ok(()) => return Ok(point),
                Err(Failed::Refused(errno)) => refused = refused.or(Some(errno)),
                Err(other) => return Err(other),
            }
        }
        Err(Failed::Refused(refused.unwrap_or(Errno::ENOENT)))
    }

    fn bind_at(&mut self, directory: &str, point: &str) -> Result<(), Failed> {
        match self.mount(directory, point, "", libc::MS_BIND) {
            Err(Failed::Refused(_)) => {}
            done => return done,
        }
        let mount = self.open_tree_clone(directory)?;
        let moved = self.move_mount(mount, point);
        self.close(mount)?;
        moved
    }

    /// Makes something in a directory, of which `make` gets the path. A flag that makes its mount read-only (EROFS), or the
    /// directory itself immutable (EPERM), keeps out who can't take it away: so the attacker tries that, and makes it then.
    /// No other flag is changed.
    pub fn making_way<T>(
        &mut self,
        directory: &str,
        mut make: impl FnMut(&mut Self, &str) -> Result<T, Failed>,
    ) -> Result<T, Failed> {
        let mut place = directory.to_owned();
        let mut made = make(self, &place);
        // Below a read-only mount there may be an immutable directory.
        for _ in 0..2 {
            match made {
                Err(Failed::Refused(Errno::EROFS)) => {
                    let freed = unless_refused(self.without_flags(&place, libc::MOUNT_ATTR_RDONLY))?;
                    place = freed.unwrap_or(place);
                }
                Err(Failed::Refused(Errno::EPERM)) => {
                    unless_refused(self.clear_immutable(&place))?;
                }
                other => return other,
            }
            made = make(self, &place);
        }
        made
    }

    /// Takes from a directory the flags that keep it as it is (ioctl_iflags(2), chattr(1)).
    fn clear_immutable(&mut self, directory: &str) -> Result<(), Failed> {
        let descriptor = self.open(directory, libc::O_RDONLY | libc::O_DIRECTORY)?;
        let done = self.inode_flags(descriptor).and_then(|flags| {
            let flags = flags & !(FS_IMMUTABLE_FL | FS_APPEND_FL);
            self.ioctl(descriptor, libc::FS_IOC_SETFLAGS, Argument::Bytes(flags.to_ne_bytes().into()))
        });
        self.close(descriptor)?;
        done
    }

    fn inode_flags(&mut self, descriptor: c_int) -> Result<c_long, Failed> {
        let arguments =
            [descriptor.into(), (libc::FS_IOC_GETFLAGS as i64).into(), Argument::room(size_of::<c_long>())];
        let mut returned = self.call("ioctl", libc::SYS_ioctl, arguments)?;
        let bytes = returned.rooms.remove(0).try_into();
        Ok(bytes.map_or(0, c_long::from_ne_bytes))
    }
}
