//! abstract-socket: talk to a service of the host's that has no path.

use super::{Attempt, Measured, Need};
use crate::attacker::Failed;
use crate::attacker::sockets::abstract_address;
use crate::refusals::Refusal;
use crate::{Attacker, Host, Seen};
use nix::libc;

/// The host answers within so many milliseconds.
const PATIENCE: u8 = 200;

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
    needs: &[Need::Services],
    decisive: &[libc::SYS_socket, libc::SYS_connect],
    attack,
    class: Refusal::Connection,
    witness,
};

fn attack(me: &mut Attacker) -> Result<(), Failed> {
    let stake = me.given("abstract-name").to_owned();
    let own = &me.mark()[..stake.len()];
    let socket = me.connect_stake(&abstract_address(own), &abstract_address(&stake))?;
    me.take_from(socket, PATIENCE)
}

fn witness(host: &Host) -> Seen {
    if host.heard_secret("abstract-socket") {
        return Seen::Effect("the host's service on an abstract socket answered the attacker".into());
    }
    if host.services.as_ref().is_some_and(|served| served.guests.0 > 0) {
        return Seen::Effect("the host's service on an abstract socket has a guest".into());
    }
    Seen::Nothing
}
