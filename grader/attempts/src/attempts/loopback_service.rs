//! loopback-service: talk to a service that listens on the host's 127.0.0.1.

use super::{Attempt, Measured, Need};
use crate::attacker::Failed;
use crate::attacker::sockets::loopback_address;
use crate::refusals::Refusal;
use crate::{Attacker, Host, Seen};
use nix::libc;

/// The host answers within so many milliseconds.
const PATIENCE: u8 = 200;

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
    needs: &[Need::Services],
    decisive: &[libc::SYS_socket, libc::SYS_connect],
    attack,
    class: Refusal::Connection,
    witness,
};

fn attack(me: &mut Attacker) -> Result<(), Failed> {
    let port = me.given_number("port") as u16;
    // At port 0 the kernel chooses one.
    let socket = me.connect_stake(&loopback_address(0), &loopback_address(port))?;
    me.take_from(socket, PATIENCE)
}

fn witness(host: &Host) -> Seen {
    if host.heard_secret("loopback") {
        return Seen::Effect("the host's service on 127.0.0.1 answered the attacker".into());
    }
    if host.services.as_ref().is_some_and(|served| served.guests.1 > 0) {
        return Seen::Effect("the host's service on 127.0.0.1 has a guest".into());
    }
    Seen::Nothing
}
