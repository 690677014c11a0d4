//! How the grader and a decoy's PID 1 talk: one packet a message, with descriptors beside it (unix(7)).

use super::start::Program;
use anyhow::{Context, Result};
use nix::cmsg_space;
use nix::sys::socket::{
    AddressFamily, ControlMessage, ControlMessageOwned, MsgFlags, SockFlag, SockType, recvmsg, sendmsg,
    socketpair,
};
use serde::{Deserialize, Serialize, de::DeserializeOwned};
use std::collections::BTreeMap;
use std::io::{IoSlice, IoSliceMut};
use std::os::fd::{AsFd, AsRawFd, BorrowedFd, FromRawFd, OwnedFd, RawFd};

/// What PID 1 is told.
#[derive(Debug, Serialize, Deserialize)]
pub enum ToPid1 {
    /// The ids are mapped: go on.
    Begin,
    /// Start this.
    Start(Program),
    /// Say what you look like; with `files`, also which files there are.
    Snapshot {
        /// Whether to list them.
        files: bool,
    },
    /// Put away the files that were left, and say whether you are as you were at first.
    Settle,
}

/// What PID 1 says.
#[derive(Debug, Serialize, Deserialize)]
pub enum FromPid1 {
    /// The decoy stands. Descriptor: the listening socket.
    Ready(Box<Ready>),
    /// What was asked could not be done.
    Failed(String),
    /// The program waits at its gate. Descriptors: see [`super::start::Running`].
    Started,
    /// The answer to a snapshot.
    Snapshot(Box<Snapshot>),
    /// The answer to [`ToPid1::Settle`].
    Settled {
        /// Whether nothing has changed.
        same: bool,
    },
    /// A program that was started has ended.
    Ended {
        /// The how-manieth it was, counted from 0.
        nth: usize,
        /// Its wait(2) status.
        status: i32,
    },
}

/// What a decoy says of itself when it stands.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub struct Ready {
    /// The namespaces of its PID 1: name and inode number.
    pub namespaces: BTreeMap<String, u64>,
    /// Device and inode of its root directory.
    pub root: (u64, u64),
    /// Device and inode of the probe.
    pub probe: (u64, u64),
    /// The victim, in the decoy's PID namespace.
    pub victim: i32,
    /// What it looked like then, without its files.
    pub first: Snapshot,
}

/// What a decoy looks like.
#[derive(Clone, Debug, Default, Serialize, Deserialize, PartialEq, Eq)]
pub struct Snapshot {
    /// `/proc/self/mountinfo` of its PID 1.
    pub mountinfo: String,
    /// Its host name.
    pub hostname: String,
    /// Its boot-time clock, in seconds.
    pub boottime: i64,
    /// The processes in its PID namespace.
    pub processes: Vec<i32>,
    /// The files of its own tree, if they were asked for.
    pub files: Vec<String>,
    /// Those of them that are set-user-ID and root's.
    pub setuid: Vec<String>,
    /// The victim's wait(2) status, if it has ended.
    pub victim: Option<i32>,
}

/// One end.
pub struct Channel(OwnedFd);

/// More than any message: a mount table of thousands of lines.
const LARGEST: usize = 4 << 20;

impl Channel {
    /// Both ends.
    pub fn pair() -> Result<(Channel, Channel)> {
        let (a, b) = socketpair(AddressFamily::Unix, SockType::Stream, None, SockFlag::SOCK_CLOEXEC)
            .context("socketpair(2)")?;
        Ok((Channel(a), Channel(b)))
    }

    /// Sends a message: its length, then itself.
    pub fn send<T: Serialize>(&self, message: &T, descriptors: &[BorrowedFd]) -> Result<()> {
        let body = serde_json::to_vec(message)?;
        let mut bytes = (body.len() as u32).to_ne_bytes().to_vec();
        bytes.extend(body);
        let raw: Vec<RawFd> = descriptors.iter().map(AsRawFd::as_raw_fd).collect();
        let rights = [ControlMessage::ScmRights(&raw)];
        let mut rights: &[ControlMessage] = if raw.is_empty() { &[] } else { &rights };
        let mut rest = &bytes[..];
        while !rest.is_empty() {
            let sent = sendmsg::<()>(
                self.0.as_raw_fd(),
                &[IoSlice::new(rest)],
                rights,
                MsgFlags::MSG_NOSIGNAL,
                None,
            )
            .context("speaking to the decoy's PID 1")?;
            rights = &[];
            rest = &rest[sent..];
        }
        Ok(())
    }

    /// Receives a message; none at the end of file.
    pub fn receive<T: DeserializeOwned>(&self) -> Result<Option<(T, Vec<OwnedFd>)>> {
        let mut descriptors = Vec::new();
        let mut length = [0; 4];
        if !self.fill(&mut length, &mut descriptors)? {
            return Ok(None);
        }
        let length = u32::from_ne_bytes(length) as usize;
        anyhow::ensure!(length <= LARGEST, "a message of {length} bytes from the decoy's PID 1");
        let mut body = vec![0; length];
        if !self.fill(&mut body, &mut descriptors)? {
            return Ok(None);
        }
        Ok(Some((serde_json::from_slice(&body)?, descriptors)))
    }

    fn fill(&self, buffer: &mut [u8], descriptors: &mut Vec<OwnedFd>) -> Result<bool> {
        let mut filled = 0;
        while filled < buffer.len() {
            let mut space = cmsg_space!([RawFd; 8]);
            let mut into = [IoSliceMut::new(&mut buffer[filled..])];
            let flags = MsgFlags::MSG_CMSG_CLOEXEC;
            let message = match recvmsg::<()>(self.0.as_raw_fd(), &mut into, Some(&mut space), flags) {
                Err(nix::errno::Errno::EINTR) => continue,
                Err(nix::errno::Errno::ECONNRESET) => return Ok(false),
                other => other.context("listening to the decoy's PID 1")?,
            };
            for control in message.cmsgs()? {
                if let ControlMessageOwned::ScmRights(raw) = control {
                    // SAFETY: the kernel has just made these descriptors for us.
                    descriptors.extend(raw.into_iter().map(|fd| unsafe { OwnedFd::from_raw_fd(fd) }));
                }
            }
            if message.bytes == 0 {
                return Ok(false);
            }
            filled += message.bytes;
        }
        Ok(true)
    }

    /// The descriptor itself, for the one process that closes all others.
    pub(crate) fn descriptor(&self) -> &OwnedFd {
        &self.0
    }
}

impl AsFd for Channel {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.0.as_fd()
    }
}
