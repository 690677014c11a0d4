//! What the host sees of the attacker's descriptors, through duplicates of its own.

use super::{Attacker, Failed};
use nix::fcntl::readlink;
use nix::libc::c_int;
use nix::sys::statfs::{FsType, fstatfs};
use std::os::fd::AsRawFd;

impl Attacker<'_> {
    /// The type of the file system on which it lies (statfs(2)).
    ///
    /// # Errors
    /// See [`Hand::duplicate`](super::Hand::duplicate).
    pub fn file_system_type(&mut self, descriptor: c_int) -> Result<FsType, Failed> {
        let file = self.hand.duplicate(descriptor)?;
        let status =
            fstatfs(&file).map_err(|errno| Failed::GaveUp(format!("the host's fstatfs(2): {errno}")))?;
        Ok(status.filesystem_type())
    }

    /// Whether it is one of those that have no file, of this kind (`anon_inode:[kind]`, proc_pid_fd(5)).
    ///
    /// # Errors
    /// As for [`Attacker::file_system_type`].
    pub fn is_anonymous(&mut self, descriptor: c_int, kind: &str) -> Result<bool, Failed> {
        let file = self.hand.duplicate(descriptor)?;
        let link = readlink(format!("/proc/self/fd/{}", file.as_raw_fd()).as_str());
        let link = link.map_err(|errno| Failed::GaveUp(format!("the host's readlink(2): {errno}")))?;
        Ok(link.to_str() == Some(&format!("anon_inode:[{kind}]")))
    }
}
