//! The loopback interface. A new network namespace has one, and it is down (network_namespaces(7)).

use common::prelude::*;

/// Brings `lo` up, as `ip link set lo up` would: SIOCSIFFLAGS with IFF_UP (netdevice(7)).
/// The kernel then gives it 127.0.0.1 by itself.
pub fn up() -> Result<()> {
    // step: loopback
    use nix::{errno::Errno, libc, sys::socket};
    use std::os::fd::AsRawFd;
    let (family, kind) = (socket::AddressFamily::Inet, socket::SockType::Datagram);
    let socket = socket::socket(family, kind, socket::SockFlag::SOCK_CLOEXEC, None).step("loopback")?;
    // SAFETY: an ifreq of zeros is valid; the call reads one.
    let answer = unsafe {
        let mut lo: libc::ifreq = std::mem::zeroed();
        lo.ifr_name[..2].copy_from_slice(&[b'l' as libc::c_char, b'o' as libc::c_char]);
        lo.ifr_ifru.ifru_flags = libc::IFF_UP as libc::c_short;
        libc::ioctl(socket.as_raw_fd(), libc::SIOCSIFFLAGS as _, &lo)
    };
    Errno::result(answer).step("loopback")?;
    // end step

    Ok(())
}
