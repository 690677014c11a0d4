//! What a decoy host holds besides files: a System V segment, a message queue, a key, an abstract socket, a listener
//! on 127.0.0.1, its name. Each gives a random word to whoever reaches it, and each can be made anew: then nobody in the decoy has
//! prepared for it.

use super::secrets::Secrets;
use crate::random::random_word;
use anyhow::{Context, Result, bail, ensure};
use attempts::host::Served;
use nix::errno::Errno;
use nix::libc;
use nix::mqueue::{MQ_OFlag, MqAttr, mq_open, mq_send, mq_unlink};
use nix::poll::{PollFd, PollFlags, PollTimeout, poll};
use nix::sys::socket::{AddressFamily, Backlog, SockFlag, SockType, SockaddrIn, bind, listen, socket};
use nix::sys::stat::{Mode, fstat};
use nix::unistd::sethostname;
use std::collections::BTreeMap;
use std::ffi::CString;
use std::fs::File;
use std::io::Write;
use std::net::{TcpListener, TcpStream, UdpSocket};
use std::os::fd::{AsFd, AsRawFd, FromRawFd, IntoRawFd, OwnedFd};
use std::os::linux::net::SocketAddrExt;
use std::os::unix::net::{SocketAddr, UnixListener, UnixStream};

/// The words of what can be made anew, by their places.
pub type Words = BTreeMap<String, String>;

/// The host's session keyring (`KEY_SPEC_SESSION_KEYRING`, keyctl(2)).
pub const SESSION: i32 = libc::KEY_SPEC_SESSION_KEYRING;

/// The size of the segment, in bytes.
pub const SEGMENT: usize = 4096;

/// So long is a name.
const NAME: usize = 12;

/// So many messages are in the queue: whoever receives one takes it away.
const MESSAGES: i64 = 4;

/// The services.
pub struct Services {
    /// The abstract socket.
    pub abstract_socket: UnixListener,
    /// The listener on 127.0.0.1.
    pub loopback: TcpListener,
    /// The host's `/proc`, whatever is mounted there later.
    pub proc: OwnedFd,
    datagrams: UdpSocket,
    queue: OwnedFd,
    words: Words,
    served: Served,
}

impl Services {
    /// Starts them in the calling process's namespaces.
    pub fn start(secrets: &Secrets) -> Result<Services> {
        join_session_keyring()?;
        let proc = File::open("/proc").context("/proc")?.into();
        let datagrams = UdpSocket::bind(("127.0.0.1", 0)).context("a datagram socket")?;
        let words = secrets.words.clone();
        let mut served = Served { segment: segment(&words["segment"])?, ..Served::default() };
        let queue = queue(&words["queue"], &mut served)?;
        let (abstract_socket, loopback) = listeners(&mut served)?;
        served.key = key(&words)?;
        Ok(Services { abstract_socket, loopback, proc, datagrams, queue, words, served })
    }

    /// Makes them anew, with these words. What was there before is gone.
    ///
    /// # Errors
    /// What could not be made or used.
    pub fn renew(&mut self, words: Words) -> Result<&Served> {
        self.remove();
        self.served = Served { segment: segment(&words["segment"])?, ..Served::default() };
        self.queue = queue(&words["queue"], &mut self.served)?;
        (self.abstract_socket, self.loopback) = listeners(&mut self.served)?;
        self.served.key = key(&words)?;
        self.rename_host(&words["hostname"])?;
        self.words = words;
        self.look()
    }

    /// Gives the host this name.
    ///
    /// # Errors
    /// Those of sethostname(2).
    pub fn rename_host(&mut self, name: &str) -> Result<()> {
        sethostname(name).context("sethostname(2)")?;
        self.words.insert("hostname".into(), name.to_owned());
        Ok(())
    }

    /// Uses each, as somebody else could: then what reaches none of them has been kept from it. Returns what there is, with
    /// the guests.
    ///
    /// # Errors
    /// One is no longer what it was.
    pub fn look(&mut self) -> Result<&Served> {
        self.answer();
        let at = SocketAddr::from_abstract_name(&self.served.abstract_name)?;
        let guest = UnixStream::connect_addr(&at).context("the host's own abstract socket")?;
        drop((self.abstract_socket.accept().context("the host's own abstract socket")?, guest));
        let guest = TcpStream::connect(("127.0.0.1", self.served.port)).context("the host's own listener")?;
        drop((self.loopback.accept().context("the host's own listener")?, guest));
        let id = shmget(self.served.segment.0, 0).context("the host's own segment")?;
        ensure!(id == self.served.segment.1, "another segment was put in the place of the host's");
        let mut ready = [PollFd::new(self.queue.as_fd(), PollFlags::POLLIN)];
        ensure!(poll(&mut ready, PollTimeout::ZERO)? == 1, "the host's own queue is empty");
        if let Some((name, key, _)) = &self.served.key {
            let name = CString::new(name.as_str())?;
            let found = keyctl(libc::KEYCTL_SEARCH, SESSION, Some(&name)).context("the host's own key")?;
            ensure!(found == *key, "another key was put in the place of the host's");
        }
        Ok(&self.served)
    }

    /// The host's name, as it was given last.
    pub fn hostname(&self) -> &str {
        &self.words["hostname"]
    }

    /// What there is, unlooked.
    pub fn served(&self) -> &Served {
        &self.served
    }

    /// Answers who has connected, and counts them.
    pub fn answer(&mut self) {
        while let Ok((mut guest, _)) = self.abstract_socket.accept() {
            self.served.guests.0 += 1;
            let _ = guest.write_all(self.words["abstract-socket"].as_bytes());
        }
        while let Ok((mut guest, _)) = self.loopback.accept() {
            self.served.guests.1 += 1;
            let _ = guest.write_all(self.words["loopback"].as_bytes());
        }
    }

    /// Sends a word over the loopback interface, to nobody.
    pub fn send_datagram(&self) {
        // The port of discard (services(5)).
        let _ = self.datagrams.send_to(self.words["datagram"].as_bytes(), ("127.0.0.1", 9));
    }

    /// Takes away what stays by itself. Somebody else may have done so.
    fn remove(&self) {
        // SAFETY: shmctl(2) with IPC_RMID reads nothing.
        unsafe { libc::shmctl(self.served.segment.1, libc::IPC_RMID, std::ptr::null_mut()) };
        let _ = mq_unlink(format!("/{}", self.served.queue.0).as_str());
        if let Some((_, key, ring)) = &self.served.key {
            // SAFETY: the operation takes two numbers.
            unsafe { libc::syscall(libc::SYS_keyctl, libc::KEYCTL_UNLINK, *key, *ring) };
        }
    }
}

fn segment(word: &str) -> Result<(i32, i32)> {
    // 0 would be IPC_PRIVATE.
    let key = i32::from_str_radix(&random_word(7)?, 16)? | 1;
    let id = shmget(key, libc::IPC_CREAT | libc::IPC_EXCL | 0o600).context("a System V segment")?;
    // SAFETY: the segment is larger than the word, attached for this one copy, and detached again.
    unsafe {
        let at = libc::shmat(id, std::ptr::null(), 0);
        if at as isize == -1 {
            bail!("attaching a System V segment: {}", Errno::last());
        }
        std::ptr::copy_nonoverlapping(word.as_ptr(), at.cast(), word.len());
        Errno::result(libc::shmdt(at))?;
    }
    Ok((key, id))
}

/// shmget(2): the number of the segment with this key.
fn shmget(key: i32, flags: i32) -> nix::Result<i32> {
    // SAFETY: the call takes integers.
    Errno::result(unsafe { libc::shmget(key, SEGMENT, flags) })
}

fn queue(word: &str, served: &mut Served) -> Result<OwnedFd> {
    let name = random_word(NAME)?;
    let attributes = MqAttr::new(0, MESSAGES, 64, 0);
    let flags = MQ_OFlag::O_CREAT | MQ_OFlag::O_EXCL | MQ_OFlag::O_RDWR | MQ_OFlag::O_CLOEXEC;
    let mode = Mode::from_bits_truncate(0o600);
    let queue =
        mq_open(format!("/{name}").as_str(), flags, mode, Some(&attributes)).context("a message queue")?;
    for _ in 0..MESSAGES {
        mq_send(&queue, word.as_bytes(), 1).context("a message")?;
    }
    // SAFETY: the descriptor is ours, and nothing else closes it.
    let queue = unsafe { OwnedFd::from_raw_fd(queue.into_raw_fd()) };
    served.queue = (name, fstat(&queue)?.st_ino);
    Ok(queue)
}

fn listeners(served: &mut Served) -> Result<(UnixListener, TcpListener)> {
    served.abstract_name = random_word(NAME)?;
    let name = SocketAddr::from_abstract_name(&served.abstract_name)?;
    let abstract_socket = UnixListener::bind_addr(&name).context("an abstract socket")?;
    let loopback = loopback().context("a listener on 127.0.0.1")?;
    served.port = loopback.local_addr()?.port();
    abstract_socket.set_nonblocking(true)?;
    loopback.set_nonblocking(true)?;
    Ok((abstract_socket, loopback))
}

/// A listener on 127.0.0.1, at a port of the kernel's choice. Without SO_REUSEADDR (socket(7)), which the standard library sets:
/// with it the host's port could be one that a program keeps from others.
fn loopback() -> Result<TcpListener> {
    let flags = SockFlag::SOCK_CLOEXEC;
    let socket = socket(AddressFamily::Inet, SockType::Stream, flags, None)?;
    bind(socket.as_raw_fd(), &SockaddrIn::new(127, 0, 0, 1, 0))?;
    listen(&socket, Backlog::MAXCONN)?;
    Ok(socket.into())
}

/// A session keyring of the host's own (session-keyring(7)). A kernel without keys has none to lose: then the control
/// does not land.
fn join_session_keyring() -> Result<()> {
    match keyctl(libc::KEYCTL_JOIN_SESSION_KEYRING, 0, None) {
        // Not built in, or refused by a filter around the grader, as container engines have one.
        Ok(_) | Err(Errno::ENOSYS | Errno::EPERM) => Ok(()),
        Err(other) => Err(other).context("keyctl(KEYCTL_JOIN_SESSION_KEYRING)"),
    }
}

/// A key in the session keyring, with a word for its description and one in it.
fn key(words: &Words) -> Result<Option<(String, i32, i32)>> {
    let ring = match keyctl(libc::KEYCTL_GET_KEYRING_ID, SESSION, None) {
        Err(Errno::ENOSYS | Errno::EPERM) => return Ok(None),
        other => other.context("keyctl(KEYCTL_GET_KEYRING_ID)")?,
    };
    let (name, payload) = (words["key-name"].clone(), &words["key"]);
    let description = CString::new(name.as_str())?;
    // SAFETY: the strings end in NUL, and the payload has the length that is given.
    let added = Errno::result(unsafe {
        let (kind, description) = (c"user".as_ptr(), description.as_ptr());
        libc::syscall(libc::SYS_add_key, kind, description, payload.as_ptr(), payload.len(), SESSION)
    });
    Ok(Some((name, added.context("add_key(2)")? as i32, ring)))
}

/// keyctl(2), of which a search takes a description.
fn keyctl(operation: u32, key: i32, description: Option<&CString>) -> nix::Result<i32> {
    let description = description.map_or(std::ptr::null(), |it| it.as_ptr());
    // SAFETY: the strings end in NUL; without one the operations take numbers, of which 0 is a name of none.
    let answer = unsafe {
        match operation {
            libc::KEYCTL_SEARCH => {
                libc::syscall(libc::SYS_keyctl, operation, key, c"user".as_ptr(), description, 0)
            }
            _ => libc::syscall(libc::SYS_keyctl, operation, key as libc::c_long, 0),
        }
    };
    Errno::result(answer).map(|answer| answer as i32)
}
