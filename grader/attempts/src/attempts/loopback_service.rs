//! loopback-service: talk to a service that listens on the host's 127.0.0.1.

use super::{Attack, Attempt, Measured};
use crate::places::PORT;
use crate::{Host, Inside, Seen};
use nix::errno::Errno;
use nix::libc;
use nix::sys::socket::{AddressFamily, MsgFlags, SockFlag, SockType, SockaddrIn, connect, recv, socket};
use std::os::fd::AsRawFd;

/// The attempt.
pub const ATTEMPT: Attempt = Attempt {
    id: "loopback-service",
    stake: "What the host offers to itself alone: databases, caches and debuggers that ask for no password.",
    story: "Many services listen on 127.0.0.1 only, and trust whoever connects: it must be somebody on this \
            machine. The attacker connects to the host's, and is told a random word. Every network namespace has \
            a loopback interface of its own, and nobody listens on the container's (ECONNREFUSED; ENETUNREACH \
            while that interface is down).",
    by_hand: &[
        "[ -e /proc/self ] || mount -t proc proc /proc",
        "grep :1092 /proc/net/tcp    # port 4242, where the host listens",
    ],
    stopped_by: &["lab1-namespaces/network-namespace"],
    after: &[],
    man: &["ip(7)", "network_namespaces(7)"],
    letters: Measured { root: "E EBBBBBB", user: "E EBBBBBB", rootless: "E EBBBBBB" },
    needs: &[],
    decisive: &[libc::SYS_connect, libc::SYS_recvfrom],
    attack: Attack::Inside(inside),
    witness,
};

fn inside(me: &mut Inside) -> Result<(), Errno> {
    let socket = socket(AddressFamily::Inet, SockType::Stream, SockFlag::SOCK_CLOEXEC, None)?;
    me.decisive(&format!("connect(127.0.0.1:{PORT}), recv()"));
    connect(socket.as_raw_fd(), &SockaddrIn::new(127, 0, 0, 1, PORT))?;
    let mut word = [0; 64];
    let length = recv(socket.as_raw_fd(), &mut word, MsgFlags::empty())?;
    me.bring_out(&word[..length]);
    Ok(())
}

fn witness(host: &Host) -> Seen {
    if host.heard_secret("loopback") {
        return Seen::Effect("the host's service on 127.0.0.1 answered the attacker".into());
    }
    Seen::Nothing
}
