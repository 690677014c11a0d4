//! abstract-socket: talk to a service of the host's that has no path.

use super::{Attack, Attempt, Measured};
use crate::places::ABSTRACT_NAME;
use crate::{Host, Inside, Seen};
use nix::errno::Errno;
use nix::libc;
use nix::sys::socket::{AddressFamily, MsgFlags, SockFlag, SockType, UnixAddr, connect, recv, socket};
use std::os::fd::AsRawFd;

/// The attempt.
pub const ATTEMPT: Attempt = Attempt {
    id: "abstract-socket",
    stake: "The host's services that trust whoever can reach them: a container runtime's own was one of them.",
    story: "A Unix socket whose address begins with a zero byte has a name and no path, so that no root directory \
            and no file permission stands before it. The attacker connects to the one that the host listens on, \
            and is told a random word. Abstract names belong to the network namespace: in one of the container's \
            own nobody listens (ECONNREFUSED). containerd-shim was reached in this way (CVE-2020-15257).",
    by_hand: &[
        "[ -e /proc/self ] || mount -t proc proc /proc",
        "grep @ /proc/net/unix    # those of the host: escaped",
    ],
    stopped_by: &["lab1-namespaces/network-namespace"],
    after: &[],
    man: &["unix(7)", "network_namespaces(7)"],
    letters: Measured { root: "E EBBBBBB", user: "E EBBBBBB", rootless: "E EBBBBBB" },
    needs: &[],
    decisive: &[libc::SYS_connect, libc::SYS_recvfrom],
    attack: Attack::Inside(inside),
    witness,
};

fn inside(me: &mut Inside) -> Result<(), Errno> {
    let socket = socket(AddressFamily::Unix, SockType::Stream, SockFlag::SOCK_CLOEXEC, None)?;
    me.decisive(&format!("connect(\"@{ABSTRACT_NAME}\"), recv()"));
    connect(socket.as_raw_fd(), &UnixAddr::new_abstract(ABSTRACT_NAME.as_bytes())?)?;
    let mut word = [0; 64];
    let length = recv(socket.as_raw_fd(), &mut word, MsgFlags::empty())?;
    me.bring_out(&word[..length]);
    Ok(())
}

fn witness(host: &Host) -> Seen {
    if host.heard_secret("abstract-socket") {
        return Seen::Effect("the host's service on an abstract socket answered the attacker".into());
    }
    Seen::Nothing
}
