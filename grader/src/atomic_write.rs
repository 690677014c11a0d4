//! Writes a file atomically: temporary file, then rename. The one way in which a file is written for a person.
//!
//! The temporary file lies beside its place, is created with O_EXCL and O_NOFOLLOW, and has a name that nobody can
//! know before; so a full disk leaves no half of a report, and no link that somebody has planted is followed. A link
//! at the place itself is replaced, wherever it leads. Existing is there and is no regular file is written to as it is:
//! `/dev/null`, a named pipe, a socket; so is a descriptor by its name, `/dev/stdout` or `/dev/fd/3`.

use crate::beneath::{Directory, Entry};
use crate::caller::Caller;
use anyhow::{Context, Result, bail, ensure};
use nix::errno::Errno;
use nix::fcntl::OFlag;
use nix::libc;
use nix::sys::stat::{Mode, SFlag};
use nix::unistd::geteuid;
use std::ffi::{OsStr, OsString};
use std::fs::{self, File, OpenOptions, Permissions};
use std::io::{self, Write};
use std::os::fd::{BorrowedFd, RawFd};
use std::os::unix::fs::{OpenOptionsExt, PermissionsExt, fchown};
use std::os::unix::net::UnixStream;
use std::path::{Path, PathBuf};
use std::thread::sleep;
use std::time::{Duration, Instant};

/// How long a named pipe may have nobody who reads it.
const TIMEOUT: Duration = Duration::from_secs(10);

/// A directory such as `/tmp`. Existing another person has put there is neither replaced nor written to: the kernel does
/// the same for what is opened with O_CREAT (fs.protected_regular and fs.protected_fifos, proc(5)).
const EVERYBODYS: libc::mode_t = libc::S_ISVTX | libc::S_IWOTH;

/// Links from one to the next, as many as the kernel follows (path_resolution(7)).
const MAX_LINKS: usize = 40;

/// Where a file will be written.
#[derive(Debug)]
pub struct Destination {
    directory: Directory,
    name: OsString,
    what: Existing,
}

#[derive(Debug)]
enum Existing {
    /// A regular file, a link or nothing: replaced. The mode that the file had.
    Replaced(Option<u32>),
    /// A device, a named pipe or a socket: written to.
    WrittenTo(Entry),
    /// A descriptor of the caller's.
    Descriptor(File),
}

/// Writes a file. Under sudo it is the caller's.
///
/// # Errors
/// Existing the system said; what was at the place before is then as it was.
pub fn write(path: &Path, bytes: &[u8]) -> Result<()> {
    Destination::find(path)?.write(bytes)
}

impl Destination {
    /// Looks at a place before there is anything to write, so that a wrong one is known before the work.
    ///
    /// # Errors
    /// Nothing can be written there: why.
    pub fn find(path: &Path) -> Result<Destination> {
        let (parent, name) = split(path)?;
        // First of all: it is to be the caller's, and none that is opened here.
        let descriptor = descriptor(path).map(again).transpose()?;
        let directory = Directory::open(&parent).with_context(|| parent.display().to_string())?;
        let what = match descriptor {
            Some(file) => Existing::Descriptor(file),
            None => Existing::at(&directory, Path::new(&name))?,
        };
        let place = Destination { directory, name, what };
        if let Existing::Replaced(_) = place.what {
            let (_, temporary) = place.temporary()?;
            place.directory.remove(&temporary)?;
        }
        Ok(place)
    }

    /// Writes the file. Under sudo it is the caller's.
    ///
    /// # Errors
    /// Existing the system said; what was at the place before is then as it was.
    pub fn write(&self, bytes: &[u8]) -> Result<()> {
        match &self.what {
            Existing::Replaced(mode) => self.replace(bytes, *mode),
            Existing::WrittenTo(entry) => Ok(open(entry)?.write_all(bytes)?),
            Existing::Descriptor(file) => Ok({ file }.write_all(bytes)?),
        }
    }

    fn replace(&self, bytes: &[u8], mode: Option<u32>) -> Result<()> {
        let (mut file, temporary) = self.temporary()?;
        let mut written = || -> Result<()> {
            file.write_all(bytes)?;
            if let Some(caller) = Caller::of_sudo()? {
                let (uid, gid) = caller.ids();
                fchown(&file, Some(uid), Some(gid))?;
            }
            if let Some(mode) = mode {
                file.set_permissions(Permissions::from_mode(mode))?;
            }
            Ok(self.directory.rename(&temporary, &self.directory, &self.name)?)
        };
        written().inspect_err(|_| drop(self.directory.remove(&temporary)))
    }

    /// A new file beside the place, and its name.
    fn temporary(&self) -> Result<(File, OsString)> {
        let name = OsString::from(format!(".{}.part", crate::random::random_word(32)?));
        Ok((self.create(&name)?, name))
    }

    /// A file that was not there before. Nobody can guess its name; who could would gain nothing.
    fn create(&self, name: &OsStr) -> Result<File> {
        let flags = OFlag::O_WRONLY | OFlag::O_CREAT | OFlag::O_EXCL | OFlag::O_NOFOLLOW;
        // The umask is taken off, as of every file that a person's programs write.
        Ok(self.directory.open_file(Path::new(name), flags, Mode::from_bits_truncate(0o666))?)
    }
}

impl Existing {
    fn at(directory: &Directory, name: &Path) -> Result<Existing> {
        let entry = match directory.entry(name) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Existing::Replaced(None)),
            found => found?,
        };
        let parent = directory.stat()?;
        let owner = entry.stat.st_uid;
        ensure!(
            parent.st_mode & EVERYBODYS != EVERYBODYS || parent.st_uid == owner || is_ours(owner)?,
            "that belongs to user id {owner}, in a directory where everybody may put something"
        );
        match SFlag::from_bits_truncate(entry.stat.st_mode) & SFlag::S_IFMT {
            SFlag::S_IFREG => Ok(Existing::Replaced(Some(entry.stat.st_mode & 0o777))),
            SFlag::S_IFLNK => Ok(Existing::Replaced(None)),
            SFlag::S_IFDIR => bail!("that is a directory"),
            SFlag::S_IFBLK => bail!("that is a block device"),
            _ => Ok(Existing::WrittenTo(entry)),
        }
    }
}

/// Whether an owner is the person who called the grader.
fn is_ours(owner: u32) -> Result<bool> {
    Ok(owner == geteuid().as_raw() || Caller::of_sudo()?.is_some_and(|caller| caller.ids().0 == owner))
}

/// The directory of a path, and its last name.
fn split(path: &Path) -> Result<(PathBuf, OsString)> {
    let name = path.file_name().context("that names no file")?.to_owned();
    let parent = path.parent().filter(|parent| !parent.as_os_str().is_empty());
    Ok((parent.unwrap_or(Path::new(".")).to_owned(), name))
}

/// The number of the descriptor that a path stands for: `/dev/stdout`, `/dev/fd/3`, `/proc/self/fd/3`. Links are
/// followed only in `/dev`.
fn descriptor(path: &Path) -> Option<RawFd> {
    let own = fs::canonicalize("/proc/self/fd").ok()?;
    let mut path = path.to_owned();
    for _ in 0..MAX_LINKS {
        let (parent, name) = split(&path).ok()?;
        let parent = fs::canonicalize(parent).ok()?;
        if parent == own {
            return name.to_str()?.parse().ok();
        }
        if parent != Path::new("/dev") {
            return None;
        }
        path = parent.join(fs::read_link(parent.join(name)).ok()?);
    }
    None
}

/// Another hand on a descriptor that is open for writing.
fn again(number: RawFd) -> Result<File> {
    // SAFETY: a number that is no open descriptor is answered with EBADF.
    let file = File::from(unsafe { BorrowedFd::borrow_raw(number) }.try_clone_to_owned()?);
    let flags = OFlag::from_bits_retain(nix::fcntl::fcntl(&file, nix::fcntl::FcntlArg::F_GETFL)?);
    ensure!(flags & OFlag::O_ACCMODE != OFlag::O_RDONLY, "that descriptor is not open for writing");
    Ok(file)
}

/// Opens what is no regular file, for writing.
fn open(entry: &Entry) -> Result<Box<dyn Write>> {
    if entry.is(SFlag::S_IFSOCK) {
        return Ok(Box::new(UnixStream::connect(entry.path())?));
    }
    let flags = OFlag::O_NONBLOCK | OFlag::O_NOCTTY;
    let began = Instant::now();
    let file = loop {
        match OpenOptions::new().write(true).custom_flags(flags.bits()).open(entry.path()) {
            // Nobody has it open for reading (fifo(7)).
            Err(error) if error.raw_os_error() == Some(Errno::ENXIO as i32) && began.elapsed() < TIMEOUT => {
                sleep(Duration::from_millis(20));
            }
            Err(error) if entry.is(SFlag::S_IFIFO) && error.raw_os_error() == Some(Errno::ENXIO as i32) => {
                bail!("nobody reads from that named pipe");
            }
            opened => break opened?,
        }
    };
    nix::fcntl::fcntl(&file, nix::fcntl::FcntlArg::F_SETFL(OFlag::empty()))?;
    Ok(Box::new(file))
}

#[cfg(test)]
mod tests;
