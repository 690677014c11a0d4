//! What a decoy host holds besides files: a System V segment, a message queue, keys, an abstract socket, a listener
//! on 127.0.0.1. Each gives a random word to whoever reaches it.

use super::secrets::Secrets;
use anyhow::{Context, Result};
use attempts::places::{ABSTRACT_NAME, KEY, PORT, QUEUE, SEGMENT_KEY};
use nix::errno::Errno;
use nix::libc;
use nix::mqueue::{MQ_OFlag, MqAttr, mq_open, mq_send};
use nix::sys::stat::Mode;
use std::ffi::CString;
use std::fs::File;
use std::io::Write;
use std::net::{TcpListener, UdpSocket};
use std::os::fd::OwnedFd;
use std::os::linux::net::SocketAddrExt;
use std::os::unix::net::{SocketAddr, UnixListener};

/// The segment's size, in bytes.
pub const SEGMENT_SIZE: usize = 4096;

/// `KEY_SPEC_SESSION_KEYRING`: include/uapi/linux/keyctl.h.
pub const KEYRING: i32 = -3;

/// The services; the segment, the queue and the keys stay by themselves.
pub struct Services {
    /// The abstract socket.
    pub abstract_socket: UnixListener,
    /// The listener on 127.0.0.1.
    pub loopback: TcpListener,
    /// The host's `/proc`, whatever is mounted there later.
    pub proc: OwnedFd,
    datagrams: UdpSocket,
    _queue: nix::mqueue::MqdT,
}

impl Services {
    /// Starts them in the calling process's namespaces.
    pub fn start(secrets: &Secrets) -> Result<Services> {
        segment(secrets.at("segment")).context("a System V segment")?;
        let queue = queue(secrets.at("queue")).context("a message queue")?;
        keys(secrets).context("two keys")?;
        let name = SocketAddr::from_abstract_name(ABSTRACT_NAME)?;
        let abstract_socket = UnixListener::bind_addr(&name).context("an abstract socket")?;
        let loopback = TcpListener::bind(("127.0.0.1", PORT)).context("a listener on 127.0.0.1")?;
        abstract_socket.set_nonblocking(true)?;
        loopback.set_nonblocking(true)?;
        let datagrams = UdpSocket::bind(("127.0.0.1", 0)).context("a datagram socket")?;
        let proc = File::open("/proc").context("/proc")?.into();
        Ok(Services { abstract_socket, loopback, proc, datagrams, _queue: queue })
    }

    /// Answers who has connected.
    pub fn answer(&self, secrets: &Secrets) {
        while let Ok((mut guest, _)) = self.abstract_socket.accept() {
            let _ = guest.write_all(secrets.at("abstract-socket").as_bytes());
        }
        while let Ok((mut guest, _)) = self.loopback.accept() {
            let _ = guest.write_all(secrets.at("loopback").as_bytes());
        }
    }

    /// Sends a word over the loopback interface, to nobody.
    pub fn send_datagram(&self, secrets: &Secrets) {
        let _ = self.datagrams.send_to(secrets.at("datagram").as_bytes(), ("127.0.0.1", PORT + 1));
    }
}

fn segment(word: &str) -> nix::Result<()> {
    // SAFETY: the segment is larger than the word, attached for this one copy, and detached again.
    unsafe {
        let id = Errno::result(libc::shmget(SEGMENT_KEY, SEGMENT_SIZE, libc::IPC_CREAT | 0o600))?;
        let at = libc::shmat(id, std::ptr::null(), 0);
        if at as isize == -1 {
            return Err(Errno::last());
        }
        std::ptr::copy_nonoverlapping(word.as_ptr(), at.cast(), word.len());
        Errno::result(libc::shmdt(at))?;
    }
    Ok(())
}

fn queue(word: &str) -> nix::Result<nix::mqueue::MqdT> {
    let attributes = MqAttr::new(0, 4, 64, 0);
    let flags = MQ_OFlag::O_CREAT | MQ_OFlag::O_RDWR | MQ_OFlag::O_CLOEXEC;
    let queue = mq_open(QUEUE, flags, Mode::from_bits_truncate(0o600), Some(&attributes))?;
    // Whoever receives a message takes it away: there are more.
    for _ in 0..4 {
        mq_send(&queue, word.as_bytes(), 1)?;
    }
    Ok(queue)
}

/// A session keyring of the host's own with two keys (session-keyring(7)). A kernel without keys has none to
/// lose: then the control does not land.
fn keys(secrets: &Secrets) -> Result<()> {
    // SAFETY: KEYCTL_JOIN_SESSION_KEYRING (1) with no name makes a new one.
    let joined = Errno::result(unsafe { libc::syscall(libc::SYS_keyctl, 1, std::ptr::null::<u8>()) });
    match joined {
        // Not built in, or refused by a filter around the grader, as container engines have one.
        Err(Errno::ENOSYS | Errno::EPERM) => return Ok(()),
        other => other.context("keyctl(KEYCTL_JOIN_SESSION_KEYRING)")?,
    };
    let name = CString::new(secrets.at("key-name"))?;
    for (name, payload) in [(KEY, secrets.at("key")), (&name, "nothing")] {
        // SAFETY: the strings end in NUL, the payload has the length that is given.
        let added = Errno::result(unsafe {
            let kind = c"user".as_ptr();
            libc::syscall(libc::SYS_add_key, kind, name.as_ptr(), payload.as_ptr(), payload.len(), KEYRING)
        });
        added.context("add_key(2)")?;
    }
    Ok(())
}
