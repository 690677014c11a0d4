//! Sockets, and connections to services. Whose listener accepts one, the host sees at its own.

use super::turns::{Turns, UNSTEADY};
use super::{Argument, Attacker, Failed, unless_refused};
use crate::rules::Rule;
use nix::errno::Errno;
use nix::libc::{self, c_int, c_ulong};
use nix::poll::{PollFd, PollFlags, PollTimeout, poll};
use nix::sys::stat::fstat;
use std::os::fd::{AsFd, AsRawFd, FromRawFd, OwnedFd};

/// `SIOCGSKNS`: include/uapi/linux/sockios.h.
const SIOCGSKNS: c_ulong = 0x894C;

/// So many may wait for a listener of its own, which accepts none.
const GUESTS: c_int = 64;

/// As much is received at once.
const PACKET: usize = 2048;

impl Attacker<'_> {
    /// socket(2). The host notes its network namespace.
    ///
    /// # Errors
    /// Here and below: see [`Hand::call`](super::Hand::call).
    pub fn socket(&mut self, family: c_int, kind: c_int, protocol: c_int) -> Result<c_int, Failed> {
        let flags = [libc::SOCK_CLOEXEC, 0, libc::SOCK_NONBLOCK, libc::SOCK_CLOEXEC | libc::SOCK_NONBLOCK];
        let socket = self.with_each(flags, |me, flags| {
            let arguments = [family.into(), (kind | flags).into(), protocol.into()];
            Ok(me.call("socket", libc::SYS_socket, arguments)?.value as c_int)
        })?;
        self.handles.network = network_namespace(&self.hand.duplicate(socket)?).ok();
        Ok(socket)
    }

    /// connect(2) with a stream socket to an address of the host's. A refusal counts only if the same call with the same
    /// numbers reaches a listener of the attacker's own, just before and again and again: only what reads the address can tell
    /// the two apart, and neither a system-call filter can nor somebody who counts. Where it does not, as on a loopback
    /// interface that is down, permission alone may still not refuse.
    ///
    /// # Errors
    /// The service can't be reached; or it gives up, since it was not permitted to reach even its own.
    pub fn connect_stake(&mut self, own: &[u8], stake: &[u8]) -> Result<c_int, Failed> {
        let family = c_int::from(u16::from_ne_bytes([stake[0], stake[1]]));
        if !self.rules.holds(Rule::OwnFirst) {
            return self.connected(family, stake);
        }
        let listener = unless_refused(self.listener(family, own))?;
        let reaches_its_own = |me: &mut Self| {
            let (_, address) = listener.as_ref().ok_or(Failed::Refused(Errno::EACCES))?;
            let guest = me.connected(family, address)?;
            me.close(guest)
        };
        let tried = self.in_turns(reaches_its_own, |me| me.connected(family, stake))?;
        match tried {
            Turns::Reached(socket) => return Ok(socket),
            Turns::Unsteady => return self.gives_up(UNSTEADY),
            Turns::Refused | Turns::NotItsOwn(_) => {}
        }
        let socket = self.socket(family, libc::SOCK_STREAM, 0)?;
        // What refuses is told by the last call.
        match (self.connect(socket, stake), tried) {
            (Ok(()), _) => Ok(socket),
            (Err(failed), Turns::NotItsOwn(_)) if failed.forbids() => {
                self.gives_up("it may not connect to a listener of its own either")
            }
            (Err(other), _) => Err(other),
        }
    }

    /// A listener that it makes at this address, and where that is: a port is the kernel's choice.
    fn listener(&mut self, family: c_int, own: &[u8]) -> Result<(c_int, Vec<u8>), Failed> {
        let listener = self.socket(family, libc::SOCK_STREAM, 0)?;
        let address = [listener.into(), Argument::Bytes(own.to_vec()), (own.len() as i32).into()];
        self.call("bind", libc::SYS_bind, address)?;
        self.call("listen", libc::SYS_listen, [listener.into(), GUESTS.into()])?;
        Ok((listener, self.name_of(listener, own.len())?))
    }

    /// A socket that is connected. One that is not is closed: its number is free again, for the next one.
    fn connected(&mut self, family: c_int, address: &[u8]) -> Result<c_int, Failed> {
        let socket = self.socket(family, libc::SOCK_STREAM, 0)?;
        match self.connect(socket, address) {
            Ok(()) => Ok(socket),
            Err(refused @ Failed::Refused(_)) => self.close(socket).and(Err(refused)),
            Err(other) => Err(other),
        }
    }

    /// connect(2).
    fn connect(&mut self, socket: c_int, address: &[u8]) -> Result<(), Failed> {
        let arguments = [socket.into(), Argument::Bytes(address.to_vec()), (address.len() as i32).into()];
        self.call("connect", libc::SYS_connect, arguments).map(drop)
    }

    /// getsockname(2): the address of a socket, so many bytes of it.
    fn name_of(&mut self, socket: c_int, length: usize) -> Result<Vec<u8>, Failed> {
        let size = Argument::Room((length as u32).to_ne_bytes().to_vec());
        let arguments = [socket.into(), Argument::room(length), size];
        Ok(self.call("getsockname", libc::SYS_getsockname, arguments)?.rooms.remove(0))
    }

    /// Takes what comes over a socket within so many milliseconds, as the host sees it on a duplicate: with recvfrom(2), and the
    /// next one through the duplicate. Nothing may come.
    pub fn take_from(&mut self, socket: c_int, patience: u8) -> Result<(), Failed> {
        let duplicate = self.hand.duplicate(socket)?;
        let mut ready = [PollFd::new(duplicate.as_fd(), PollFlags::POLLIN)];
        if poll(&mut ready, PollTimeout::from(patience)).unwrap_or(0) == 0 {
            return Ok(());
        }
        let mut bytes = vec![0; PACKET];
        // SAFETY: the call writes no more than the length that is given. What it sees stays for the attacker.
        let length = unsafe {
            let flags = libc::MSG_DONTWAIT | libc::MSG_PEEK;
            libc::recv(duplicate.as_raw_fd(), bytes.as_mut_ptr().cast(), PACKET, flags)
        };
        self.taken.extend(&bytes[..usize::try_from(length).unwrap_or(0)]);
        let (room, length) = (Argument::room(PACKET), PACKET as i64);
        let arguments = [socket.into(), room, length.into(), libc::MSG_DONTWAIT.into(), 0.into(), 0.into()];
        match self.call("recvfrom", libc::SYS_recvfrom, arguments) {
            Ok(mut returned) => {
                let length = usize::try_from(returned.value).unwrap_or(0);
                self.taken.extend(returned.rooms.remove(0).into_iter().take(length));
                Ok(())
            }
            // What the host has read is enough.
            Err(Failed::Refused(_)) => Ok(()),
            Err(other) => Err(other),
        }
    }
}

/// The address of an abstract Unix socket (unix(7)): a zero byte, and a name.
pub fn abstract_address(name: &str) -> Vec<u8> {
    [&(libc::AF_UNIX as u16).to_ne_bytes()[..], b"\0", name.as_bytes()].concat()
}

/// The address of a port on 127.0.0.1 (ip(7)).
pub fn loopback_address(port: u16) -> Vec<u8> {
    let family = (libc::AF_INET as u16).to_ne_bytes();
    [&family[..], &port.to_be_bytes(), &[127, 0, 0, 1], &[0; 8]].concat()
}

/// The inode number of a socket's network namespace.
fn network_namespace(socket: &OwnedFd) -> nix::Result<u64> {
    // SAFETY: the call takes no argument, and returns a descriptor, which is ours.
    let namespace = unsafe {
        let descriptor = Errno::result(libc::ioctl(socket.as_raw_fd(), SIOCGSKNS as _))?;
        OwnedFd::from_raw_fd(descriptor)
    };
    Ok(fstat(&namespace)?.st_ino)
}

#[cfg(test)]
mod tests {
    use super::*;
    use nix::sys::socket::{AddressFamily, SockFlag, SockType, SockaddrIn, SockaddrLike, UnixAddr, socket};

    #[test]
    fn addresses_are_as_the_kernel_reads_them() {
        let (address, length) = (abstract_address("name"), 7);
        let theirs = UnixAddr::new_abstract(b"name").unwrap();
        // SAFETY: so many bytes of the address are written.
        let bytes = unsafe { std::slice::from_raw_parts(theirs.as_ptr().cast::<u8>(), length) };
        assert_eq!((address.as_slice(), theirs.len() as usize), (bytes, length));

        let theirs = SockaddrIn::new(127, 0, 0, 1, 4242);
        // SAFETY: see above.
        let bytes = unsafe { std::slice::from_raw_parts(theirs.as_ptr().cast::<u8>(), 16) };
        assert_eq!(loopback_address(4242), bytes);
    }

    #[test]
    fn a_socket_tells_its_network_namespace() {
        let socket = socket(AddressFamily::Unix, SockType::Stream, SockFlag::SOCK_CLOEXEC, None).unwrap();
        match network_namespace(&socket) {
            Ok(inode) => {
                let link = std::fs::read_link("/proc/self/ns/net").unwrap();
                assert_eq!(link.to_str(), Some(&*format!("net:[{inode}]")));
            }
            // To an ordinary user, in a namespace of somebody else's.
            Err(errno) => assert_eq!(errno, Errno::EPERM),
        }
    }
}
