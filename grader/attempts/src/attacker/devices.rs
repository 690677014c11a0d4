//! The decoy disk. An attacker knows its number and reads no other: what lies at a path is the container's choice, and may
//! be the machine's own.

use super::{Argument, Attacker, Failed};
use nix::libc::{self, c_int, c_long, dev_t};
use nix::sys::stat::{SFlag, makedev};

/// The major number of loop devices: Documentation/admin-guide/devices.txt.
const LOOP_MAJOR: u64 = 7;

/// The calls that make a node, open it and read from it.
pub const MAKES: &[c_long] = &[
    libc::SYS_mknodat,
    #[cfg(target_arch = "x86_64")]
    libc::SYS_mknod,
    libc::SYS_openat,
    libc::SYS_openat2,
    libc::SYS_pread64,
];

impl Attacker<'_> {
    /// Takes the disk through the node at a path. It is looked at before it is opened, and all stand still, so that what
    /// was looked at is what is opened.
    ///
    /// # Errors
    /// Here and below: see [`Hand::call`](super::Hand::call). It gives up where another device lies there.
    pub fn take_disk(&mut self, path: &str) -> Result<(), Failed> {
        let number = self.disk_number()?;
        let node = self.open_stake(path, libc::O_PATH)?;
        let found = self.status(node)?;
        self.close(node)?;
        let kind = SFlag::from_bits_truncate(found.st_mode) & SFlag::S_IFMT;
        if kind != SFlag::S_IFBLK || found.st_rdev != number {
            return self.gives_up(&format!("{path} is no node of the decoy host's disk"));
        }
        let disk = self.open_stake(path, libc::O_RDONLY)?;
        self.take(disk)?;
        self.close(disk)
    }

    /// Takes the disk through the node that the kernel has made for it in `/dev`, if that is a devtmpfs.
    pub fn take_disk_on_devtmpfs(&mut self) -> Result<(), Failed> {
        self.take_disk(&format!("/dev/loop{}", self.given("disk")))
    }

    /// Makes a node for the disk in a directory, and takes the disk through it.
    pub fn make_disk(&mut self, directory: &str) -> Result<(), Failed> {
        let number = self.disk_number()?;
        // A directory that is missing refuses nothing.
        if !self.exists(directory)? {
            return self.gives_up(&format!("there is no directory {directory}"));
        }
        self.keeps_off_devtmpfs(directory)?;
        let path = self.making_way(directory, |me, directory| {
            let path = format!("{}/disk-{}", directory.trim_end_matches('/'), me.mark());
            me.mknod(&path, libc::S_IFBLK | libc::S_IRUSR, number).map(|()| path)
        })?;
        if !self.exists(&path)? {
            return self.gives_up("the call succeeded, and the node is not there");
        }
        self.take_disk(&path)
    }

    /// Gives up where a directory lies on the machine's devtmpfs, in which attempts make nothing.
    pub fn keeps_off_devtmpfs(&mut self, directory: &str) -> Result<(), Failed> {
        match self.is_on_devtmpfs(directory)? {
            true => self
                .gives_up(&format!("{directory} may be the machine's devtmpfs: attempts make nothing there")),
            false => Ok(()),
        }
    }

    /// mknodat(2), and mknod(2) where that is another call: who forbids one may have forgotten the other.
    pub(super) fn mknod(&mut self, path: &str, mode: libc::mode_t, number: dev_t) -> Result<(), Failed> {
        // Permissions of others, and bits above the 16 that the kernel reads.
        let harmless =
            [1, 2, 4, 8, 16, 32, 64, 128, 1 << 16, 1 << 18, 1 << 20, 1 << 22, 1 << 24, 1 << 26, 1 << 28];
        let modes = self.varied(&[mode as c_int], &harmless);
        self.with_each(modes, |me, mode| me.mknod_with(path, mode, number as u32))
    }

    fn mknod_with(&mut self, path: &str, mode: c_int, number: u32) -> Result<(), Failed> {
        let arguments = [libc::AT_FDCWD.into(), Argument::text(path), mode.into(), number.into()];
        let made = self.call("mknodat", libc::SYS_mknodat, arguments).map(drop);
        #[cfg(target_arch = "x86_64")]
        if let Err(Failed::Refused(nix::Error::EPERM | nix::Error::EACCES | nix::Error::ENOSYS)) = made {
            return self
                .call("mknod", libc::SYS_mknod, [Argument::text(path), mode.into(), number.into()])
                .map(drop);
        }
        made
    }

    /// Its number. Without one there is nothing to try: minor 0 may be somebody's.
    fn disk_number(&self) -> Result<dev_t, Failed> {
        match self.given("disk").parse() {
            Ok(minor) => Ok(makedev(LOOP_MAJOR, minor)),
            Err(_) => self.gives_up("the host has no disk"),
        }
    }

    /// The path of a file of the root file system, as the attacker sees it: on the bare decoy host that is not the root
    /// directory.
    pub fn in_rootfs(&self, name: &str) -> String {
        format!("{}/{name}", self.given("rootfs"))
    }
}
