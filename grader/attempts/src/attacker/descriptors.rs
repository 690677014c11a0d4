//! What the host sees of the attacker's descriptors, through duplicates of its own.

use super::files::status;
use super::{Attacker, Failed};
use nix::cmsg_space;
use nix::fcntl::readlink;
use nix::libc::c_int;
use nix::sys::socket::{ControlMessageOwned, MsgFlags, recvmsg};
use nix::sys::statfs::{FsType, fstatfs};
use std::fs;
use std::io::IoSliceMut;
use std::os::fd::{AsRawFd, FromRawFd, OwnedFd, RawFd};

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

    /// Whether descriptors are on their way to it in a socket (SCM_RIGHTS, unix(7)), as fdinfo(5) counts them, the host notes.
    /// The first of them are shown to it: see [`Attacker::show`]. They stay for whoever receives them.
    ///
    /// # Errors
    /// As for [`Attacker::file_system_type`].
    pub fn sees_what_is_sent(&mut self, descriptor: c_int) -> Result<(), Failed> {
        let file = self.hand.duplicate(descriptor)?;
        let about = fs::read_to_string(format!("/proc/self/fdinfo/{}", file.as_raw_fd()));
        let about = about.map_err(|error| Failed::GaveUp(format!("the host's fdinfo: {error}")))?;
        let count = about.lines().find_map(|line| line.strip_prefix("scm_fds:")?.trim().parse::<u32>().ok());
        if count.unwrap_or(0) == 0 {
            return Ok(());
        }
        self.handles.in_flight = true;
        for sent in peek(&file) {
            self.opened.push(status(&sent)?.into());
        }
        Ok(())
    }
}

/// As many descriptors one message can have: `SCM_MAX_FD` of include/net/scm.h.
const SCM_MAX_FD: usize = 253;

/// The descriptors that the first message in a socket has with it.
fn peek(socket: &OwnedFd) -> Vec<OwnedFd> {
    let mut byte = [0];
    let mut bytes = [IoSliceMut::new(&mut byte)];
    let mut room = cmsg_space!([RawFd; SCM_MAX_FD]);
    let flags = MsgFlags::MSG_PEEK | MsgFlags::MSG_DONTWAIT | MsgFlags::MSG_CMSG_CLOEXEC;
    let Ok(message) = recvmsg::<()>(socket.as_raw_fd(), &mut bytes, Some(&mut room), flags) else {
        return Vec::new();
    };
    let Ok(all) = message.cmsgs() else { return Vec::new() };
    let numbers =
        all.flat_map(|it| if let ControlMessageOwned::ScmRights(all) = it { all } else { Vec::new() });
    // SAFETY: the kernel has made them for this process, and nobody else knows them.
    numbers.map(|number| unsafe { OwnedFd::from_raw_fd(number) }).collect()
}
