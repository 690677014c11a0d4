//! packet-sniff: listen to what passes over the host's network interfaces.

use super::{Attack, Attempt, Measured, Need};
use crate::{Host, Inside, Seen};
use nix::errno::Errno;
use nix::libc;
use nix::poll::{PollFd, PollFlags, PollTimeout, poll};
use nix::sys::socket::{AddressFamily, MsgFlags, SockFlag, SockProtocol, SockType, recv, socket};
use std::os::fd::{AsFd, AsRawFd};

/// How long a silence means that nothing will come, in milliseconds. The host sends every 3 ms.
const TIMEOUT: u8 = 100;
/// As many packets are listened to: the first are the host's, or answers to them.
const PACKETS: usize = 4;

/// The attempt.
pub const ATTEMPT: Attempt = Attempt {
    id: "packet-sniff",
    stake: "Everything that the host and its containers send in clear.",
    story: "A packet socket receives a copy of every frame that passes an interface of its network namespace. It \
            needs CAP_NET_RAW, which a container keeps by default, for ping. The host sends a random word over \
            its loopback interface, and the attacker listens. In a network namespace of the container's own the \
            socket is made as well, but other interfaces are there, and the host's packets do not pass them.",
    by_hand: &["tcpdump -A -i any    # packets of the host: escaped"],
    stopped_by: &["lab1-namespaces/network-namespace"],
    after: &[],
    man: &["packet(7)", "network_namespaces(7)"],
    letters: Measured { root: "E EBBBBBB", user: "E EBBBBBB", rootless: "E EBBBBBB" },
    needs: &[Need::Datagrams],
    decisive: &[libc::SYS_socket],
    attack: Attack::Inside(inside),
    witness,
};

fn inside(me: &mut Inside) -> Result<(), Errno> {
    me.decisive("socket(AF_PACKET, SOCK_DGRAM, ETH_P_ALL), recv()");
    let all = SockProtocol::EthAll;
    let socket = socket(AddressFamily::Packet, SockType::Datagram, SockFlag::SOCK_CLOEXEC, all)?;
    let mut packet = [0; 2048];
    for _ in 0..PACKETS {
        let mut ready = [PollFd::new(socket.as_fd(), PollFlags::POLLIN)];
        if poll(&mut ready, PollTimeout::from(TIMEOUT))? == 0 {
            break;
        }
        let length = recv(socket.as_raw_fd(), &mut packet, MsgFlags::MSG_DONTWAIT)?;
        me.bring_out(&packet[..length]);
    }
    Ok(())
}

fn witness(host: &Host) -> Seen {
    if host.heard_secret("datagram") {
        return Seen::Effect("the attacker heard a datagram of the host's".into());
    }
    if host.call.flatten().is_some_and(|socket| socket >= 0) && host.shares("net") == Some(false) {
        return Seen::Confined(
            "the socket listens in a network namespace of the container's own, where the host's datagrams do \
             not pass"
                .into(),
        );
    }
    Seen::Nothing
}
