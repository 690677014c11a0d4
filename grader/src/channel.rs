//! How the grader, a worker and a decoy's PID 1 talk: length-prefixed messages over a stream socket, with descriptors
//! beside them (unix(7)). Every wait has a deadline: the other end may have been frozen or throttled.

use anyhow::{Context, Result, bail};
use nix::cmsg_space;
use nix::errno::Errno;
use nix::poll::{PollFd, PollFlags, PollTimeout, poll};
use nix::sys::socket::{
    AddressFamily, ControlMessage, ControlMessageOwned, MsgFlags, SockFlag, SockType, recvmsg, sendmsg,
    socketpair,
};
use serde::{Serialize, de::DeserializeOwned};
use std::cell::Cell;
use std::io::{IoSlice, IoSliceMut};
use std::os::fd::{AsFd, AsRawFd, BorrowedFd, FromRawFd, OwnedFd, RawFd};
use std::time::{Duration, Instant};

/// One end.
pub struct Channel {
    socket: OwnedFd,
    timeout: Option<Duration>,
    /// Whether a part of a message was left unread or unsent: what comes next would be no beginning of one.
    out_of_step: Cell<bool>,
}

/// The other end neither answered nor took what was said within this time.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct TimedOut(pub Duration);

impl std::fmt::Display for TimedOut {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "no answer within {} s", self.0.as_secs())
    }
}

impl std::error::Error for TimedOut {}

/// Of a message that would be longer none is sent, and none is read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct TooLong(pub usize);

impl std::fmt::Display for TooLong {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "a message of {} bytes; the limit is {MAX_MESSAGE}", self.0)
    }
}

impl std::error::Error for TooLong {}

/// More than any message: whoever sends what a program may lengthen bounds it before.
pub const MAX_MESSAGE: usize = 4 << 20;

impl Channel {
    /// Both ends. The first waits no longer than `timeout` for one message; the second as long as it takes, since its
    /// end of file comes with the end of who holds the first.
    pub fn pair(timeout: Duration) -> Result<(Channel, Channel)> {
        let (a, b) = socketpair(AddressFamily::Unix, SockType::Stream, None, SockFlag::SOCK_CLOEXEC)
            .context("socketpair(2)")?;
        Ok((Channel { timeout: Some(timeout), ..Channel::new(a) }, Channel::new(b)))
    }

    /// An end that waits as long as it takes.
    pub fn new(socket: OwnedFd) -> Channel {
        Channel { socket, timeout: None, out_of_step: Cell::new(false) }
    }

    /// The socket, to hand it to another process.
    pub fn into_socket(self) -> OwnedFd {
        self.socket
    }

    /// Sends a message: its length, then itself.
    ///
    /// # Errors
    /// [`TooLong`], and nothing was sent; [`TimedOut`]; the other end is gone.
    pub fn send<T: Serialize>(&self, message: &T, descriptors: &[BorrowedFd]) -> Result<()> {
        self.in_step()?;
        let body = serde_json::to_vec(message)?;
        if body.len() > MAX_MESSAGE {
            return Err(TooLong(body.len()).into());
        }
        let mut bytes = (body.len() as u32).to_ne_bytes().to_vec();
        bytes.extend(body);
        let raw: Vec<RawFd> = descriptors.iter().map(AsRawFd::as_raw_fd).collect();
        let rights = [ControlMessage::ScmRights(&raw)];
        let mut rights: &[ControlMessage] = if raw.is_empty() { &[] } else { &rights };
        let mut rest = &bytes[..];
        let deadline = self.deadline();
        while !rest.is_empty() {
            self.wait(PollFlags::POLLOUT, deadline)?;
            let flags = MsgFlags::MSG_NOSIGNAL | MsgFlags::MSG_DONTWAIT;
            let sent = sendmsg::<()>(self.socket.as_raw_fd(), &[IoSlice::new(rest)], rights, flags, None);
            let sent = match sent {
                Err(Errno::EINTR | Errno::EAGAIN) => continue,
                // Descriptors in flight are counted for each user (unix(7)).
                Err(Errno::ETOOMANYREFS) => bail!("too many descriptors are in flight"),
                other => other.context("the other end is gone")?,
            };
            rights = &[];
            rest = &rest[sent..];
            self.out_of_step.set(!rest.is_empty());
        }
        Ok(())
    }

    /// Receives a message; none at the end of file.
    ///
    /// # Errors
    /// [`TimedOut`]; [`TooLong`]; it is no such message. Where a part of it was left unread, every later call fails.
    pub fn receive<T: DeserializeOwned>(&self) -> Result<Option<(T, Vec<OwnedFd>)>> {
        self.in_step()?;
        let mut descriptors = Vec::new();
        let deadline = self.deadline();
        let mut length = [0; 4];
        if !self.fill(&mut length, &mut descriptors, deadline)? {
            return Ok(None);
        }
        let length = u32::from_ne_bytes(length) as usize;
        self.out_of_step.set(true);
        if length > MAX_MESSAGE {
            return Err(TooLong(length).into());
        }
        let mut body = vec![0; length];
        if !self.fill(&mut body, &mut descriptors, deadline)? {
            return Ok(None);
        }
        self.out_of_step.set(false);
        let message = serde_json::from_slice(&body).context("it is no such message")?;
        Ok(Some((message, descriptors)))
    }

    /// Whether something comes within so many milliseconds, or the other end is gone.
    pub fn has_message(&self, milliseconds: u8) -> bool {
        poll(&mut [PollFd::new(self.socket.as_fd(), PollFlags::POLLIN)], PollTimeout::from(milliseconds))
            != Ok(0)
    }

    fn in_step(&self) -> Result<()> {
        anyhow::ensure!(!self.out_of_step.get(), "an earlier message did not come to its end");
        Ok(())
    }

    fn deadline(&self) -> Option<Instant> {
        self.timeout.map(|timeout| Instant::now() + timeout)
    }

    /// Waits until the socket is ready.
    fn wait(&self, wanted: PollFlags, deadline: Option<Instant>) -> Result<()> {
        loop {
            let left = deadline.map(|deadline| deadline.saturating_duration_since(Instant::now()));
            // Rounded up: 0 would be no wait at all.
            let left = left.map_or(PollTimeout::NONE, |left| {
                PollTimeout::try_from(left.as_millis() as i32 + 1).unwrap_or(PollTimeout::MAX)
            });
            match poll(&mut [PollFd::new(self.socket.as_fd(), wanted)], left) {
                Ok(0) => return Err(TimedOut(self.timeout.unwrap_or_default()).into()),
                Ok(_) => return Ok(()),
                Err(Errno::EINTR) => {}
                Err(errno) => return Err(errno).context("poll(2)"),
            }
        }
    }

    fn fill(
        &self,
        buffer: &mut [u8],
        descriptors: &mut Vec<OwnedFd>,
        deadline: Option<Instant>,
    ) -> Result<bool> {
        let mut filled = 0;
        while filled < buffer.len() {
            self.wait(PollFlags::POLLIN, deadline)?;
            let mut space = cmsg_space!([RawFd; 8]);
            let mut into = [IoSliceMut::new(&mut buffer[filled..])];
            let flags = MsgFlags::MSG_CMSG_CLOEXEC | MsgFlags::MSG_DONTWAIT;
            let message = match recvmsg::<()>(self.socket.as_raw_fd(), &mut into, Some(&mut space), flags) {
                Err(Errno::EINTR | Errno::EAGAIN) => continue,
                Err(Errno::ECONNRESET) => return Ok(false),
                other => other.context("recvmsg(2)")?,
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
        &self.socket
    }
}

impl AsFd for Channel {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.socket.as_fd()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SHORT: Duration = Duration::from_millis(50);

    #[test]
    fn who_does_not_answer_is_not_waited_for() {
        let (ours, theirs) = Channel::pair(SHORT).unwrap();
        let error = ours.receive::<String>().unwrap_err();
        assert_eq!(error.downcast_ref(), Some(&TimedOut(SHORT)));
        // Half a message is none.
        nix::unistd::write(theirs.descriptor(), &[9, 0, 0, 0, 1]).unwrap();
        let error = ours.receive::<String>().unwrap_err();
        assert_eq!(error.downcast_ref(), Some(&TimedOut(SHORT)));
        // Its other half is not taken for the length of a next one.
        nix::unistd::write(theirs.descriptor(), b"23456789\x02\0\0\0\"\"").unwrap();
        let error = ours.receive::<String>().unwrap_err();
        assert_eq!(error.to_string(), "an earlier message did not come to its end");
    }

    #[test]
    fn a_message_that_is_too_long_is_not_sent_and_the_next_one_is() {
        let (ours, theirs) = Channel::pair(SHORT).unwrap();
        let error = theirs.send(&"x".repeat(MAX_MESSAGE), &[]).unwrap_err();
        assert_eq!(error.downcast_ref(), Some(&TooLong(MAX_MESSAGE + 2)));
        theirs.send(&"short", &[]).unwrap();
        assert_eq!(ours.receive::<String>().unwrap().unwrap().0, "short");
    }

    #[test]
    fn a_message_that_is_too_long_is_not_read_and_nothing_after_it() {
        let (ours, theirs) = Channel::pair(SHORT).unwrap();
        let length = MAX_MESSAGE + 1;
        nix::unistd::write(theirs.descriptor(), &(length as u32).to_ne_bytes()).unwrap();
        nix::unistd::write(theirs.descriptor(), &[b'x'; 100]).unwrap();
        let error = ours.receive::<String>().unwrap_err();
        assert_eq!(error.downcast_ref(), Some(&TooLong(length)));
        assert!(ours.receive::<String>().is_err());
    }

    #[test]
    fn what_is_no_message_leaves_the_next_one_to_be_read() {
        let (ours, theirs) = Channel::pair(SHORT).unwrap();
        theirs.send(&3, &[]).unwrap();
        theirs.send(&"x", &[]).unwrap();
        assert!(ours.receive::<String>().is_err());
        assert_eq!(ours.receive::<String>().unwrap().unwrap().0, "x");
    }

    #[test]
    fn who_does_not_listen_is_not_waited_for() {
        let (ours, _theirs) = Channel::pair(SHORT).unwrap();
        let large = "x".repeat(MAX_MESSAGE - 2);
        let error = ours.send(&large, &[]).unwrap_err();
        assert_eq!(error.downcast_ref(), Some(&TimedOut(SHORT)));
    }

    #[test]
    fn a_message_comes_out_as_it_went_in_with_its_descriptors() {
        let (ours, theirs) = Channel::pair(SHORT).unwrap();
        let file = std::fs::File::open("/dev/null").unwrap();
        theirs.send(&3, &[file.as_fd(), file.as_fd()]).unwrap();
        let (message, descriptors) = ours.receive::<i32>().unwrap().unwrap();
        assert_eq!(message, 3);
        assert_eq!(descriptors.len(), 2);
        drop(theirs);
        assert!(ours.receive::<i32>().unwrap().is_none());
    }
}
