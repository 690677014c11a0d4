//! Files, as the attacker opens them: the opening is the escape. What was opened, the host sees for itself.

use super::{Argument, Attacker, Failed};
use nix::errno::Errno;
use nix::libc::{self, c_int};
use nix::sys::stat::{FileStat, fstat};
use std::fs::File;
use std::os::unix::fs::FileExt;

/// As much is read of a file that is a stake.
const STAKE: usize = 4096;

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
        let flags = flags | libc::O_CLOEXEC | libc::O_NONBLOCK | libc::O_NOCTTY;
        let arguments = [directory.into(), Argument::text(path), flags.into(), 0.into()];
        Ok(self.call("openat", libc::SYS_openat, arguments)?.value as c_int)
    }

    /// Takes what an open file begins with, twice: the host reads it through a duplicate of the descriptor, and the
    /// attacker with its own pread64(2). One of the two is enough.
    pub fn take(&mut self, descriptor: c_int) -> Result<(), Failed> {
        let file = File::from(self.hand.duplicate(descriptor)?);
        let mut bytes = vec![0; STAKE];
        match file.read_at(&mut bytes, 0) {
            Ok(length) => self.taken.extend(&bytes[..length]),
            Err(error) => drop(error),
        }
        let arguments = [descriptor.into(), Argument::room(STAKE), (STAKE as i64).into(), 0.into()];
        let mut returned = self.call("pread64", libc::SYS_pread64, arguments)?;
        let length = usize::try_from(returned.value).unwrap_or(0);
        self.taken.extend(returned.rooms.remove(0).into_iter().take(length));
        Ok(())
    }

    /// Opens a file and takes what it begins with.
    pub fn take_file(&mut self, path: &str) -> Result<(), Failed> {
        let descriptor = self.open(path, libc::O_RDONLY)?;
        let taken = self.take(descriptor);
        self.close(descriptor)?;
        taken
    }

    /// Opens a path without opening what lies there (O_PATH): no device notices.
    pub fn look(&mut self, path: &str) -> Result<c_int, Failed> {
        self.open(path, libc::O_PATH)
    }

    /// What the host sees of an open file.
    pub fn status(&mut self, descriptor: c_int) -> Result<FileStat, Failed> {
        let file = self.hand.duplicate(descriptor)?;
        fstat(&file).map_err(|errno| Failed::GaveUp(format!("the host's fstat(2): {errno}")))
    }

    /// Whether a path may lie on the machine's devtmpfs, where attempts make nothing: there is one for the whole machine, and
    /// a program may have mounted it. Also where the host can't tell. A path that is missing lies on none.
    pub fn is_on_devtmpfs(&mut self, path: &str) -> Result<bool, Failed> {
        let descriptor = match self.look(path) {
            Ok(descriptor) => descriptor,
            Err(Failed::Refused(_)) => return Ok(false),
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
