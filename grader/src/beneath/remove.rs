//! Removing files and trees, whatever their depth.

use super::{Directory, same_mount};
use nix::errno::Errno;
use nix::libc;
use nix::unistd::{UnlinkatFlags, unlinkat};
use std::ffi::{OsStr, OsString};
use std::io;
use std::path::Path;

impl Directory {
    /// Removes a file, or an empty directory.
    ///
    /// # Errors
    /// What the system said.
    pub fn remove(&self, path: impl AsRef<Path>) -> io::Result<()> {
        let (parent, name) = self.parent(path.as_ref())?;
        match unlinkat(&parent.fd, name, UnlinkatFlags::NoRemoveDir) {
            Err(Errno::EISDIR) => Ok(unlinkat(&parent.fd, name, UnlinkatFlags::RemoveDir)?),
            answer => Ok(answer?),
        }
    }

    /// Removes a file, or a directory with everything below. Mounted file systems stay.
    ///
    /// # Errors
    /// What the system said.
    pub fn remove_all(&self, path: impl AsRef<Path>) -> io::Result<()> {
        let (parent, name) = self.parent(path.as_ref())?;
        match unlinkat(&parent.fd, name, UnlinkatFlags::NoRemoveDir) {
            Err(Errno::EISDIR) => {}
            answer => return Ok(answer?),
        }
        parent.directory(Path::new(name), same_mount())?.clear(|_| false)?;
        Ok(unlinkat(&parent.fd, name, UnlinkatFlags::RemoveDir)?)
    }

    /// Removes everything in it except the names for which `keep` is true. A tree may be deeper than the limit of
    /// descriptors: directories two levels down are moved up to the first, so that two descriptors suffice.
    ///
    /// # Errors
    /// What the system said.
    pub fn clear(&self, keep: impl Fn(&OsStr) -> bool) -> io::Result<()> {
        let mut lifted = 0_u64;
        loop {
            let names: Vec<_> = self.names()?.into_iter().filter(|name| !keep(name)).collect();
            if names.is_empty() {
                return Ok(());
            }
            for name in names {
                match unlinkat(&self.fd, name.as_os_str(), UnlinkatFlags::NoRemoveDir) {
                    Err(Errno::EISDIR) => {}
                    Err(Errno::ENOENT) => continue,
                    answer => {
                        answer?;
                        continue;
                    }
                }
                let child = self.directory(Path::new(&name), same_mount())?;
                for inner in child.names()? {
                    match unlinkat(&child.fd, inner.as_os_str(), UnlinkatFlags::NoRemoveDir) {
                        Err(Errno::EISDIR) => self.lift(&child, &inner, &mut lifted)?,
                        answer => answer?,
                    }
                }
                unlinkat(&self.fd, name.as_os_str(), UnlinkatFlags::RemoveDir)?;
            }
        }
    }

    fn lift(&self, child: &Directory, name: &OsStr, lifted: &mut u64) -> io::Result<()> {
        if unlinkat(&child.fd, name, UnlinkatFlags::RemoveDir).is_ok() {
            return Ok(());
        }
        loop {
            *lifted += 1;
            let free = OsString::from(format!(".removed-{lifted}"));
            match child.rename_with(name, self, &free, libc::RENAME_NOREPLACE) {
                Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {}
                answer => return answer,
            }
        }
    }
}
