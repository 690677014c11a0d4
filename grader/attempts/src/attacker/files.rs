//! Files, as the attacker opens them: the opening is the escape. What was opened, the host sees for itself.

use super::turns::{Turns, UNSTEADY};
#[cfg(target_arch = "x86_64")]
use super::unless_refused;
use super::{Argument, Attacker, Failed};
use crate::rules::Rule;
use nix::errno::Errno;
use nix::libc::{self, c_int, c_long};
use nix::poll::{PollFd, PollFlags, PollTimeout, poll};
use nix::sys::stat::{FileStat, SFlag, fstat, makedev};
use std::fs::File;
use std::os::fd::{AsFd, OwnedFd};
use std::os::unix::fs::FileExt;
use std::time::{Duration, Instant};

/// As much is read of a file that is a stake.
const STAKE: usize = 4096;

/// The calls that open a stake and read it.
pub const OPENS: &[c_long] = &[libc::SYS_openat, libc::SYS_openat2, libc::SYS_pread64];

/// Flags of every open: it waits for nobody at the other end, and takes no terminal.
const ALWAYS: c_int = libc::O_CLOEXEC | libc::O_NONBLOCK | libc::O_NOCTTY;

/// The mode of files that the attacker makes.
const MODE: c_int = 0o600;

/// A call that opens a path from a directory.
type Way = fn(&mut Attacker, c_int, &str, c_int) -> Result<c_int, Failed>;

/// Those that there are: who knows the one may not know the other.
const WAYS: &[Way] = &[
    |me, directory, path, flags| me.open_at(directory, path, flags),
    |me, directory, path, flags| me.open_at2(directory, path, flags),
    #[cfg(target_arch = "x86_64")]
    |me, directory, path, flags| me.open_by_path(directory, path, flags),
];

impl Attacker<'_> {
    /// openat(2) from the working directory, without waiting for anybody at the other end.
    ///
    /// # Errors
    /// Here and below: see [`Hand::call`](super::Hand::call).
    pub fn open(&mut self, path: &str, flags: c_int) -> Result<c_int, Failed> {
        self.open_at(libc::AT_FDCWD, path, flags)
    }

    /// The same from an open directory.
    pub fn open_at(&mut self, directory: c_int, path: &str, flags: c_int) -> Result<c_int, Failed> {
        let flags = flags | ALWAYS;
        // The mode is that of a file which the call makes, if it makes one.
        let arguments = [directory.into(), Argument::text(path), flags.into(), MODE.into()];
        Ok(self.call("openat", libc::SYS_openat, arguments)?.value as c_int)
    }

    /// The same by openat2(2), whose flags no filter can read (Linux 5.6).
    pub fn open_at2(&mut self, directory: c_int, path: &str, flags: c_int) -> Result<c_int, Failed> {
        // It refuses a mode where no file can be made.
        let mode = if flags & libc::O_CREAT == 0 { 0 } else { MODE };
        // `struct open_how` of include/uapi/linux/openat2.h: flags, mode, and how the path is resolved.
        let how = [(flags | ALWAYS) as u64, mode as u64, 0].map(u64::to_ne_bytes).concat();
        let size = how.len() as i64;
        let arguments = [directory.into(), Argument::text(path), Argument::Bytes(how), size.into()];
        Ok(self.call("openat2", libc::SYS_openat2, arguments)?.value as c_int)
    }

    /// The same by open(2), where the architecture has it: it knows no directory but the working directory.
    #[cfg(target_arch = "x86_64")]
    pub fn open_by_path(&mut self, directory: c_int, path: &str, flags: c_int) -> Result<c_int, Failed> {
        if directory == libc::AT_FDCWD || path.starts_with('/') {
            let arguments = [Argument::text(path), (flags | ALWAYS).into(), MODE.into()];
            return Ok(self.call("open", libc::SYS_open, arguments)?.value as c_int);
        }
        let before = self.here()?;
        let opened = self
            .go_to(directory)
            .and_then(|()| self.open_by_path(libc::AT_FDCWD, path, flags))
            .and_then(|descriptor| self.go_to(before).map(|()| descriptor));
        if opened.is_err() {
            unless_refused(self.go_to(before))?;
        }
        self.close(before)?;
        opened
    }

    /// fchdir(2).
    pub fn go_to(&mut self, directory: c_int) -> Result<(), Failed> {
        self.call("fchdir", libc::SYS_fchdir, [directory.into()]).map(drop)
    }

    /// Opens something of the host's, where there is a filter in one way after another. Its refusal counts, since the same call with the same numbers
    /// opened something of the attacker's own, just before and again and again: only what reads the path can tell the two
    /// apart, and neither a system-call filter can nor somebody who counts.
    ///
    /// # Errors
    /// The stake can't be opened; or it gives up, since no call opens what is its own.
    pub fn open_stake(&mut self, path: &str, flags: c_int) -> Result<c_int, Failed> {
        self.open_stake_at(libc::AT_FDCWD, path, flags)
    }

    /// The same from an open directory.
    pub fn open_stake_at(&mut self, directory: c_int, path: &str, flags: c_int) -> Result<c_int, Failed> {
        // Without a filter nobody reads its numbers.
        if !self.rules.holds(Rule::OwnFirst) || !self.hand.is_filtered() {
            return self.open_at(directory, path, flags);
        }
        let own = self.own_file(flags)?;
        // A relative path can't become longer by one byte.
        let length = if own.len() > path.len() { own.len() + 1 } else { path.len() };
        let (own, stake) = (padded(&own, length), padded(path, length));
        let (mut refused_by, mut why) = (None, None);
        for open in WAYS {
            let tried = self.in_turns(
                |me| open(me, directory, &own, flags).and_then(|descriptor| me.close(descriptor)),
                |me| open(me, directory, &stake, flags),
            )?;
            match tried {
                Turns::Reached(descriptor) => return Ok(descriptor),
                Turns::Refused => refused_by = refused_by.or(Some(open)),
                Turns::Unsteady => return self.gives_up(UNSTEADY),
                Turns::NotItsOwn(errno) => why = why.or(Some(errno)),
            }
        }
        if let Some(open) = refused_by {
            // What refuses is told by the last call.
            return open(self, directory, &stake, flags);
        }
        let why = why.map_or_else(String::new, |errno| errno.to_string());
        self.gives_up(&format!("it can't open {own}, which is its own, as it would open {path}: {why}"))
    }

    /// The path of something that is the attacker's own, and that it may open with these flags: its root directory for
    /// reading, and for writing a file that it makes, or the null device.
    fn own_file(&mut self, flags: c_int) -> Result<String, Failed> {
        if flags & libc::O_ACCMODE == libc::O_RDONLY || flags & libc::O_PATH != 0 {
            return Ok("/".into());
        }
        let directory = self.directory()?;
        let path = format!("{}/own", directory.trim_end_matches('/'));
        match self.open(&path, libc::O_WRONLY | libc::O_CREAT) {
            Ok(descriptor) => self.close(descriptor).map(|()| path),
            Err(Failed::Refused(_)) if self.is_null_device("/dev/null")? => Ok("/dev/null".into()),
            Err(Failed::Refused(errno)) => {
                self.gives_up(&format!("it has no file of its own that it could open for writing: {errno}"))
            }
            Err(other) => Err(other),
        }
    }

    fn is_null_device(&mut self, path: &str) -> Result<bool, Failed> {
        let descriptor = match self.look(path) {
            Ok(descriptor) => descriptor,
            Err(Failed::Refused(_)) => return Ok(false),
            Err(other) => return Err(other),
        };
        let status = self.status(descriptor)?;
        self.close(descriptor)?;
        let kind = SFlag::from_bits_truncate(status.st_mode) & SFlag::S_IFMT;
        // Documentation/admin-guide/devices.txt
        Ok(kind == SFlag::S_IFCHR && status.st_rdev == makedev(1, 3))
    }

    /// Takes an open file, in three ways, of which one is enough: the host sees which file it is, reads it through a
    /// duplicate of the descriptor, and the attacker reads it with its own pread64(2).
    pub fn take(&mut self, descriptor: c_int) -> Result<(), Failed> {
        let file = File::from(self.show(descriptor)?);
        // Whoever serves such a file system may be standing still.
        let kind = self.hand.file_system(descriptor)?.unwrap_or_default();
        let looks = self.rules.holds(Rule::Handles);
        if looks && !["fuse", "9p"].iter().any(|served| kind.starts_with(served)) {
            let mut bytes = vec![0; STAKE];
            match file.read_at(&mut bytes, 0) {
                Ok(length) => self.taken.extend(&bytes[..length]),
                Err(error) => drop(error),
            }
        }
        let arguments = [descriptor.into(), Argument::room(STAKE), (STAKE as i64).into(), 0.into()];
        let mut returned = self.call("pread64", libc::SYS_pread64, arguments)?;
        let length = usize::try_from(returned.value).unwrap_or(0);
        self.taken.extend(returned.rooms.remove(0).into_iter().take(length));
        Ok(())
    }

    /// Shows the host which file a descriptor is of. Returns the duplicate.
    pub fn show(&mut self, descriptor: c_int) -> Result<OwnedFd, Failed> {
        let file = self.hand.duplicate(descriptor)?;
        if self.rules.holds(Rule::Handles) {
            self.opened.push(status(&file)?.into());
        }
        Ok(file)
    }

    /// Opens a file and takes what it begins with.
    pub fn take_file(&mut self, path: &str) -> Result<(), Failed> {
        let descriptor = self.open(path, libc::O_RDONLY)?;
        let taken = self.take(descriptor);
        self.close(descriptor)?;
        taken
    }

    /// Its working directory, opened: without being read (O_PATH), or where a filter forbids that, for reading.
    ///
    /// # Errors
    /// Both are refused.
    pub(super) fn here(&mut self) -> Result<c_int, Failed> {
        match self.look(".") {
            Err(Failed::Refused(_)) => self.open(".", libc::O_RDONLY | libc::O_DIRECTORY),
            opened => opened,
        }
    }

    /// Opens a path without opening what lies there (O_PATH): no device notices.
    pub fn look(&mut self, path: &str) -> Result<c_int, Failed> {
        self.open(path, libc::O_PATH)
    }

    /// Whether something lies at a path, as far as the attacker can see.
    pub fn exists(&mut self, path: &str) -> Result<bool, Failed> {
        match self.look(path) {
            Ok(descriptor) => self.close(descriptor).map(|()| true),
            Err(Failed::Refused(errno)) => Ok(errno != Errno::ENOENT),
            Err(other) => Err(other),
        }
    }

    /// What the host sees of an open file.
    pub fn status(&mut self, descriptor: c_int) -> Result<FileStat, Failed> {
        status(&self.hand.duplicate(descriptor)?)
    }

    /// Whether a descriptor is of a directory. It is shown to the host: see [`Attacker::show`].
    pub fn is_directory(&mut self, descriptor: c_int) -> Result<bool, Failed> {
        self.show(descriptor)?;
        Ok(self.opened.last().is_some_and(|it| it.is(SFlag::S_IFDIR)))
    }

    /// What it holds open.
    pub fn descriptors(&mut self) -> Result<Vec<c_int>, Failed> {
        self.hand.descriptors()
    }

    /// Whether there is something to read within this time, as poll(2) of a duplicate tells the host; also at the end of it.
    pub fn is_readable(&mut self, descriptor: c_int, patience: Duration) -> Result<bool, Failed> {
        let file = self.hand.duplicate(descriptor)?;
        let deadline = Instant::now() + patience;
        loop {
            match poll(&mut [PollFd::new(file.as_fd(), PollFlags::POLLIN)], PollTimeout::ZERO) {
                Ok(1..) => return Ok(true),
                Ok(_) if Instant::now() < deadline => self.hand.wait(),
                Ok(_) => return Ok(false),
                Err(errno) => return Err(Failed::GaveUp(format!("the host's poll(2): {errno}"))),
            }
        }
    }

    /// Whether a path may lie on the machine's devtmpfs, where attempts make nothing: there is one for the whole machine, and
    /// a program may have mounted it. Also where the host can't tell. A path that is missing lies on none.
    pub fn is_on_devtmpfs(&mut self, path: &str) -> Result<bool, Failed> {
        let descriptor = match self.look(path) {
            Ok(descriptor) => descriptor,
            Err(Failed::Refused(errno)) => return Ok(errno != Errno::ENOENT),
            Err(other) => return Err(other),
        };
        let kind = self.hand.file_system(descriptor)?;
        self.close(descriptor)?;
        Ok(kind.is_none_or(|kind| kind == "devtmpfs"))
    }

    /// Makes a directory of the attacker's own, in a place where nothing that matters can lie, and returns its path. Where
    /// none can be made, `/`.
    pub fn directory(&mut self) -> Result<String, Failed> {
        for above in ["/tmp", "/run", "/"] {
            if self.is_on_devtmpfs(above)? {
                continue;
            }
            let path = format!("{}/{}", above.trim_end_matches('/'), self.mark());
            match self.mkdir(&path, 0o700) {
                Ok(()) => return Ok(path),
                Err(Failed::Refused(Errno::EEXIST)) => return Ok(path),
                Err(Failed::Refused(_)) => {}
                Err(other) => return Err(other),
            }
        }
        Ok("/".into())
    }
}

/// What the host sees of a file, through a descriptor of its own.
pub(super) fn status(file: &OwnedFd) -> Result<FileStat, Failed> {
    fstat(file).map_err(|errno| Failed::GaveUp(format!("the host's fstat(2): {errno}")))
}

/// The same path in so many bytes: as many as it has, or at least two more. An absolute one begins with further slashes, and a
/// relative one with the directory where it begins.
fn padded(path: &str, length: usize) -> String {
    match length - path.len() {
        0 => path.to_owned(),
        more if path.starts_with('/') => format!("{}{path}", "/".repeat(more)),
        more => format!(".{}{path}", "/".repeat(more - 1)),
    }
}

#[cfg(test)]
mod tests;
