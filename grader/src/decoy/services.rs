//! What a decoy host holds besides files: a System V segment, an abstract socket and a listener on 127.0.0.1.
//! Each gives a random word to whoever reaches it.

use super::secrets::Secrets;
use anyhow::{Context, Result};
use nix::errno::Errno;
use nix::libc;
use std::io::Write;
use std::net::TcpListener;
use std::os::linux::net::SocketAddrExt;
use std::os::unix::net::{SocketAddr, UnixListener};

/// The key of the System V segment (shmget(2)).
pub const SEGMENT_KEY: i32 = 0x0dec_0de0;
/// The name of the abstract socket (unix(7)).
pub const ABSTRACT_NAME: &str = "decoy-host";
/// The port on 127.0.0.1.
pub const PORT: u16 = 4242;

/// The listeners; the segment stays by itself, until the IPC namespace goes.
pub struct Services {
    /// The abstract socket.
    pub abstract_socket: UnixListener,
    /// The listener on 127.0.0.1.
    pub loopback: TcpListener,
}

impl Services {
    /// Starts them in the calling process's namespaces.
    pub fn start(secrets: &Secrets) -> Result<Services> {
        segment(&secrets.segment).context("a System V segment")?;
        let name = SocketAddr::from_abstract_name(ABSTRACT_NAME)?;
        let abstract_socket = UnixListener::bind_addr(&name).context("an abstract socket")?;
        let loopback = TcpListener::bind(("127.0.0.1", PORT)).context("a listener on 127.0.0.1")?;
        abstract_socket.set_nonblocking(true)?;
        loopback.set_nonblocking(true)?;
        Ok(Services { abstract_socket, loopback })
    }

    /// Answers who has connected.
    pub fn answer(&self, secrets: &Secrets) {
        while let Ok((mut guest, _)) = self.abstract_socket.accept() {
            let _ = guest.write_all(secrets.abstract_socket.as_bytes());
        }
        while let Ok((mut guest, _)) = self.loopback.accept() {
            let _ = guest.write_all(secrets.loopback.as_bytes());
        }
    }
}

fn segment(word: &str) -> nix::Result<()> {
    // SAFETY: the segment is larger than the word, attached for this one copy, and detached again.
    unsafe {
        let id = Errno::result(libc::shmget(SEGMENT_KEY, 4096, libc::IPC_CREAT | 0o600))?;
        let at = libc::shmat(id, std::ptr::null(), 0);
        if at as isize == -1 {
            return Err(Errno::last());
        }
        std::ptr::copy_nonoverlapping(word.as_ptr(), at.cast(), word.len());
        Errno::result(libc::shmdt(at))?;
    }
    Ok(())
}
