//! packet-sniff: listen to what passes over the host's network interfaces.

use super::{Attempt, Measured, Need};
use crate::attacker::Failed;
use crate::refusals::Refusal;
use crate::{Attacker, Host, Seen};
use nix::libc;

/// The host sends every 3 ms: after a silence of so many milliseconds nothing will come.
const PATIENCE: u8 = 20;
/// As many packets are listened to: the first are the host's, or answers to them.
const PACKETS: usize = 3;

/// The type that packet sockets had first (packet(7), include/linux/net.h).
const SOCK_PACKET: i32 = 10;

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
    attack,
    class: Refusal::Socket,
    witness,
};

fn attack(me: &mut Attacker) -> Result<(), Failed> {
    let all = i32::from((libc::ETH_P_ALL as u16).to_be());
    let internet = i32::from((libc::ETH_P_IP as u16).to_be());
    // Any of them, and of the internet's.
    let (any, raw) = (0x100 + (me.chosen(0) % 0xf000) as i32, 18 + (me.chosen(0) % 200) as i32);
    let ways = [
        (libc::AF_PACKET, libc::SOCK_DGRAM, all),
        (libc::AF_INET, libc::SOCK_RAW, libc::IPPROTO_UDP),
        (libc::AF_PACKET, libc::SOCK_RAW, all),
        (libc::AF_PACKET, libc::SOCK_RAW, internet),
        // bind(2) gives it a protocol.
        (libc::AF_PACKET, libc::SOCK_RAW, 0),
        (libc::AF_PACKET, libc::SOCK_DGRAM, any),
        (libc::AF_INET, SOCK_PACKET, all),
        (libc::AF_PACKET, SOCK_PACKET, any),
        (libc::AF_INET, libc::SOCK_RAW, raw),
        (libc::AF_INET6, libc::SOCK_RAW, raw),
    ];
    let mut socket = Err(Failed::Ended);
    for (family, kind, protocol) in ways {
        socket = me.socket(family, kind, protocol);
        if !matches!(socket, Err(Failed::Refused(_))) {
            break;
        }
    }
    let socket = socket?;
    for _ in 0..PACKETS {
        me.take_from(socket, PATIENCE)?;
    }
    Ok(())
}

fn witness(host: &Host) -> Seen {
    if host.heard_secret("datagram") {
        return Seen::Effect("the attacker heard a datagram of the host's".into());
    }
    match (host.handles.network, host.namespaces.get("net")) {
        (Some(of_socket), Some(hosts)) if of_socket == *hosts => {
            Seen::Effect("the attacker's packet socket is one of the host's network namespace".into())
        }
        // A supervisor may have made the socket elsewhere, for these numbers (SECCOMP_IOCTL_NOTIF_ADDFD).
        (Some(_), Some(_)) if host.shares("net") == Some(false) => Seen::Confined(
            "the socket is one of a network namespace of the container's own, where the host's datagrams do \
             not pass"
                .into(),
        ),
        _ => Seen::Nothing,
    }
}
