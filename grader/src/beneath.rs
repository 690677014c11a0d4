//! Files below a directory: the grader's only way to use a path that a submission, a root file system or an archive can
//! influence.
//!
//! The kernel resolves every such path below a directory descriptor (openat2(2)), so that no link in it leads out,
//! even one that was made a moment ago. Files are created with O_EXCL and O_NOFOLLOW; owner and mode are set by
//! descriptor; the type of a file is read from the descriptor that is then used. `copy` copies trees, `measure` says
//! how large a copy will be, `remove` removes them.

mod copy;
mod entry;
mod measure;
mod remove;
#[cfg(test)]
mod tests;

pub use copy::Copy;
pub use entry::Entry;
pub use measure::{MAX_DEPTH, Size};

use nix::dir::Dir;
use nix::errno::Errno;
use nix::fcntl::{AtFlags, OFlag, OpenHow, ResolveFlag, openat, openat2, renameat};
use nix::libc;
use nix::sys::stat::{FileStat, Mode, SFlag, fstat, mkdirat, mknodat};
use nix::unistd::{Gid, Uid, fchownat, linkat, symlinkat};
use std::ffi::{CString, OsStr, OsString};
use std::fs::{self, File};
use std::io::{self, Read};
use std::os::fd::{AsFd, AsRawFd, BorrowedFd, OwnedFd};
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};

/// A directory, as an open descriptor (O_PATH). Paths are relative to it; a leading `/` is ignored.
#[derive(Debug)]
pub struct Directory {
    fd: OwnedFd,
}

/// No link is followed, also no link that stays within.
fn no_links() -> ResolveFlag {
    ResolveFlag::RESOLVE_BENEATH | ResolveFlag::RESOLVE_NO_SYMLINKS | ResolveFlag::RESOLVE_NO_MAGICLINKS
}

/// The same, and no mount point is crossed: used to find the place where something is made or removed.
fn same_mount() -> ResolveFlag {
    no_links() | ResolveFlag::RESOLVE_NO_XDEV
}

impl Directory {
    /// Opens a directory that the grader has made, or that its caller has named. Links are followed.
    ///
    /// # Errors
    /// From open(2).
    pub fn open(path: &Path) -> io::Result<Directory> {
        let flags = OFlag::O_PATH | OFlag::O_DIRECTORY | OFlag::O_CLOEXEC;
        Ok(Directory { fd: nix::fcntl::open(path, flags, Mode::empty())? })
    }

    /// A directory below. ELOOP where a link is in the way, EXDEV where the path leads out (openat2(2)).
    ///
    /// # Errors
    /// From openat2(2).
    pub fn below(&self, path: impl AsRef<Path>) -> io::Result<Directory> {
        self.directory(path.as_ref(), no_links())
    }

    /// The directory that a program with this root would find at this path: links are followed, but stay within.
    ///
    /// # Errors
    /// From openat2(2).
    pub fn in_root(&self, path: impl AsRef<Path>) -> io::Result<Directory> {
        let resolve = ResolveFlag::RESOLVE_IN_ROOT | ResolveFlag::RESOLVE_NO_MAGICLINKS;
        self.directory(path.as_ref(), resolve)
    }

    fn directory(&self, path: &Path, resolve: ResolveFlag) -> io::Result<Directory> {
        Ok(Directory { fd: self.resolve(path, OFlag::O_PATH | OFlag::O_DIRECTORY, Mode::empty(), resolve)? })
    }

    /// openat2(2), with O_CLOEXEC.
    ///
    /// # Errors
    /// From openat2(2), except EAGAIN: a concurrent rename made a `..` unsafe, so the call is retried.
    pub fn resolve(
        &self,
        path: &Path,
        flags: OFlag,
        mode: Mode,
        resolve: ResolveFlag,
    ) -> nix::Result<OwnedFd> {
        let how = OpenHow::new().flags(flags | OFlag::O_CLOEXEC).mode(mode).resolve(resolve);
        loop {
            match openat2(&self.fd, relative(path), how) {
                Err(Errno::EAGAIN) => {}
                answer => return answer,
            }
        }
    }

    /// The file at this path; a link is not followed.
    ///
    /// # Errors
    /// From openat2(2).
    pub fn entry(&self, path: impl AsRef<Path>) -> io::Result<Entry> {
        Ok(Entry::of(self.resolve(
            path.as_ref(),
            OFlag::O_PATH | OFlag::O_NOFOLLOW,
            Mode::empty(),
            no_links(),
        )?)?)
    }

    /// Opens the regular file at this path for reading.
    ///
    /// # Errors
    /// What the system said; [`Entry::read`] where it is no regular file.
    pub fn read(&self, path: impl AsRef<Path>) -> io::Result<File> {
        self.entry(path)?.read()
    }

    /// The bytes of the regular file at this path: EFBIG where there are more than `most`.
    ///
    /// # Errors
    /// As [`Directory::read`].
    pub fn bytes(&self, path: impl AsRef<Path>, most: u64) -> io::Result<Vec<u8>> {
        let mut bytes = Vec::new();
        self.read(path)?.take(most.saturating_add(1)).read_to_end(&mut bytes)?;
        if bytes.len() as u64 > most {
            return Err(Errno::EFBIG.into());
        }
        Ok(bytes)
    }

    /// The names in it, sorted.
    ///
    /// # Errors
    /// What the system said.
    pub fn names(&self) -> io::Result<Vec<OsString>> {
        let flags = OFlag::O_RDONLY | OFlag::O_DIRECTORY | OFlag::O_CLOEXEC;
        let mut names = Vec::new();
        for entry in Dir::from_fd(openat(&self.fd, ".", flags, Mode::empty())?)? {
            let entry = entry?;
            let name = entry.file_name().to_bytes();
            if name != b"." && name != b".." {
                names.push(OsStr::from_bytes(name).to_owned());
            }
        }
        names.sort();
        Ok(names)
    }

    /// Creates a file for writing, with this mode; without one, with what the umask leaves of 0666. EEXIST where
    /// anything is there, also a link.
    ///
    /// # Errors
    /// What the system said.
    pub fn create(&self, path: impl AsRef<Path>, mode: impl Into<Option<u32>>) -> io::Result<File> {
        let mode = mode.into();
        let flags = OFlag::O_WRONLY | OFlag::O_CREAT | OFlag::O_EXCL;
        let first = Mode::from_bits_truncate(if mode.is_some() { 0o600 } else { 0o666 });
        let file = self.open_file(path.as_ref(), flags, first)?;
        if let Some(mode) = mode {
            file.set_permissions(fs::Permissions::from_mode(mode))?;
        }
        Ok(file)
    }

    /// Opens the file of this name in it with these flags, or creates it: open(2), which follows no link.
    ///
    /// # Errors
    /// What the system said.
    pub fn open_file(&self, name: &Path, flags: OFlag, mode: Mode) -> io::Result<File> {
        Ok(self.resolve(name, flags | OFlag::O_NOFOLLOW, mode, same_mount())?.into())
    }

    /// Opens an existing regular file for writing, and empties it.
    ///
    /// # Errors
    /// What the system said; EINVAL where it is no regular file.
    pub fn rewrite(&self, path: impl AsRef<Path>) -> io::Result<File> {
        let entry = self.entry(path)?;
        if !entry.is(SFlag::S_IFREG) {
            return Err(Errno::EINVAL.into());
        }
        fs::OpenOptions::new().write(true).truncate(true).open(entry.path())
    }

    /// Makes a directory, with this mode; without one, with what the umask leaves of 0777. EEXIST where anything is
    /// there.
    ///
    /// # Errors
    /// What the system said.
    pub fn make(&self, path: impl AsRef<Path>, mode: impl Into<Option<u32>>) -> io::Result<Directory> {
        let mode = mode.into();
        let (parent, name) = self.parent(path.as_ref())?;
        let first = Mode::from_bits_truncate(if mode.is_some() { 0o700 } else { 0o777 });
        mkdirat(&parent.fd, name, first)?;
        let made = parent.directory(Path::new(name), same_mount())?;
        if let Some(mode) = mode {
            made.set_mode(mode)?;
        }
        Ok(made)
    }

    /// A directory below, which is made where it is missing, with those above it. `made` sees each that is new.
    ///
    /// # Errors
    /// What the system said.
    pub fn make_all(
        &self,
        path: &Path,
        mode: impl Into<Option<u32>>,
        mut made: impl FnMut(&Directory) -> io::Result<()>,
    ) -> io::Result<Directory> {
        let mode = mode.into();
        let mut at = self.directory(Path::new("."), same_mount())?;
        for part in relative(path) {
            let part = Path::new(part);
            at = match at.directory(part, same_mount()) {
                Err(error) if error.kind() == io::ErrorKind::NotFound => {
                    let new = at.make(part, mode)?;
                    made(&new)?;
                    new
                }
                found => found?,
            };
        }
        Ok(at)
    }

    /// Makes a symbolic link. Its target is not checked.
    ///
    /// # Errors
    /// What the system said.
    pub fn link(&self, path: impl AsRef<Path>, target: impl AsRef<Path>) -> io::Result<Entry> {
        let (parent, name) = self.parent(path.as_ref())?;
        symlinkat(target.as_ref(), &parent.fd, name)?;
        parent.entry(name)
    }

    /// Makes a device node, with this mode whatever the umask.
    ///
    /// # Errors
    /// What the system said.
    pub fn node(
        &self,
        path: impl AsRef<Path>,
        kind: SFlag,
        device: libc::dev_t,
        mode: u32,
    ) -> io::Result<Entry> {
        let (parent, name) = self.parent(path.as_ref())?;
        mknodat(&parent.fd, name, kind, Mode::S_IRUSR | Mode::S_IWUSR, device)?;
        let node = parent.entry(name)?;
        node.set_mode(mode)?;
        Ok(node)
    }

    /// Gives a file that is open a name here.
    ///
    /// # Errors
    /// What linkat(2) said: EXDEV on another file system.
    pub fn hard_link(&self, path: impl AsRef<Path>, file: &Entry) -> io::Result<()> {
        let (parent, name) = self.parent(path.as_ref())?;
        Ok(linkat(nix::fcntl::AT_FDCWD, &file.path(), &parent.fd, name, AtFlags::AT_SYMLINK_FOLLOW)?)
    }

    /// rename(2), to a name in a directory. An existing file, also a link, is replaced.
    ///
    /// # Errors
    /// What the system said.
    pub fn rename(&self, from: impl AsRef<Path>, to: &Directory, name: impl AsRef<Path>) -> io::Result<()> {
        let ((old, from), (new, name)) = (self.parent(from.as_ref())?, to.parent(name.as_ref())?);
        Ok(renameat(&old.fd, from, &new.fd, name)?)
    }

    /// renameat2(2): RENAME_NOREPLACE replaces nothing, RENAME_EXCHANGE exchanges the two. nix has it for glibc only.
    ///
    /// # Errors
    /// What the system said.
    pub fn rename_with(
        &self,
        from: &OsStr,
        to: &Directory,
        name: &OsStr,
        flags: libc::c_uint,
    ) -> io::Result<()> {
        let text = |name: &OsStr| CString::new(name.as_bytes()).map_err(|_| Errno::EINVAL);
        let (from, name) = (text(last(from.as_ref())?)?, text(last(name.as_ref())?)?);
        let (old, new) = (self.fd.as_raw_fd(), to.fd.as_raw_fd());
        // SAFETY: both names end in NUL and outlive the call, which only reads them.
        let answer =
            unsafe { libc::syscall(libc::SYS_renameat2, old, from.as_ptr(), new, name.as_ptr(), flags) };
        Ok(Errno::result(answer).map(drop)?)
    }

    /// chown(2).
    ///
    /// # Errors
    /// What the system said.
    pub fn set_owner(&self, uid: u32, gid: u32) -> io::Result<()> {
        set_owner(self.fd.as_fd(), uid, gid)
    }

    /// chmod(2).
    ///
    /// # Errors
    /// What the system said.
    pub fn set_mode(&self, mode: u32) -> io::Result<()> {
        set_mode(self.fd.as_fd(), mode)
    }

    /// Changes the owner of it and of everything below. Links are not followed.
    ///
    /// # Errors
    /// What the system said.
    pub fn set_owner_of_all(&self, uid: u32, gid: u32) -> io::Result<()> {
        self.set_owner(uid, gid)?;
        for name in self.names()? {
            let entry = self.entry(&name)?;
            match entry.is(SFlag::S_IFDIR) {
                true => self.directory(Path::new(&name), same_mount())?.set_owner_of_all(uid, gid)?,
                false => entry.set_owner(uid, gid)?,
            }
        }
        Ok(())
    }

    /// fstat(2).
    ///
    /// # Errors
    /// What the system said.
    pub fn stat(&self) -> io::Result<FileStat> {
        Ok(fstat(&self.fd)?)
    }

    /// A path that leads to exactly this file, for calls that take a path: mount(2).
    pub fn path(&self) -> PathBuf {
        path(&self.fd)
    }

    /// The same, as something to copy.
    ///
    /// # Errors
    /// What fstat(2) said.
    pub fn into_entry(self) -> io::Result<Entry> {
        Ok(Entry::of(self.fd)?)
    }

    /// The parent directory of a path, and the path's last name.
    fn parent<'a>(&self, path: &'a Path) -> io::Result<(Directory, &'a OsStr)> {
        let name = last(path)?;
        let parent = relative(path).parent().filter(|parent| !parent.as_os_str().is_empty());
        let parent = self.directory(parent.unwrap_or(Path::new(".")), same_mount())?;
        Ok((parent, name))
    }
}

impl AsFd for Directory {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.fd.as_fd()
    }
}

/// Is a file of this kind?
pub fn is(stat: &FileStat, kind: SFlag) -> bool {
    SFlag::from_bits_truncate(stat.st_mode) & SFlag::S_IFMT == kind
}

/// chown(2) of an open file, also of one that was opened with O_PATH.
fn set_owner(fd: BorrowedFd, uid: u32, gid: u32) -> io::Result<()> {
    let (uid, gid) = (Some(Uid::from_raw(uid)), Some(Gid::from_raw(gid)));
    Ok(fchownat(fd, "", uid, gid, AtFlags::AT_EMPTY_PATH | AtFlags::AT_SYMLINK_NOFOLLOW)?)
}

/// chmod(2) of an open file: fchmod(2) does not accept an O_PATH descriptor.
fn set_mode(fd: BorrowedFd, mode: u32) -> io::Result<()> {
    fs::set_permissions(path(&fd), fs::Permissions::from_mode(mode))
}

/// proc(5): a link that the kernel follows to the open file itself.
fn path(fd: &impl AsRawFd) -> PathBuf {
    PathBuf::from(format!("/proc/self/fd/{}", fd.as_raw_fd()))
}

fn relative(path: &Path) -> &Path {
    match path.strip_prefix("/").unwrap_or(path) {
        empty if empty.as_os_str().is_empty() => Path::new("."),
        path => path,
    }
}

/// The last name of a path. EINVAL where there is none, or where it is `..`.
fn last(path: &Path) -> io::Result<&OsStr> {
    path.file_name().ok_or_else(|| Errno::EINVAL.into())
}
