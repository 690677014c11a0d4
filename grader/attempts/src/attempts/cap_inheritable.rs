//! cap-inheritable: which capabilities the container has inherited.

use super::{Attempt, Measured, Need};
use crate::attacker::Failed;
use crate::refusals::Refusal;
use crate::{Attacker, Host, Seen, capabilities};

/// The attempt.
pub const ATTEMPT: Attempt = Attempt {
    id: "cap-inheritable",
    stake: "Whatever a capability opens: what is inheritable gets round the bounding set.",
    story: "A property, and no deed: nothing is tried. What is in the inheritable set comes back when root executes \
            a program, even if it is not in the bounding set any more, and what is in the ambient set stays for \
            somebody who is not root. On most hosts both sets are empty, so that a container which forgets them \
            looks right; the decoy host starts the program with both full. The host reads the sets of the \
            command's process. They may hold the fourteen and no other.",
    by_hand: &[
        "setpriv --inh-caps +all lab3-pivot rootfs /bin/grep CapInh /proc/self/status    # on the host",
    ],
    stopped_by: &["lab4-capabilities/capability-sets"],
    after: &[],
    man: &["capabilities(7)", "capset(2)", "proc_pid_status(5)"],
    letters: Measured { root: "E EEEEBBB", user: "E EEEEBBB", rootless: "E EEEEBBB" },
    needs: &[Need::AmbientCapabilities],
    decisive: &[],
    attack,
    class: Refusal::Permission,
    witness,
};

fn attack(_: &mut Attacker) -> Result<(), Failed> {
    Ok(())
}

fn witness(host: &Host) -> Seen {
    let beyond = |set| capabilities::beyond_the_fourteen(&host.attacker, set);
    match (beyond("CapInh"), beyond("CapAmb")) {
        (Some(0), Some(0)) => Seen::Confined("neither set holds any but the fourteen".into()),
        (Some(inheritable), Some(ambient)) => Seen::Effect(format!(
            "beyond the fourteen, the inheritable set holds {inheritable} capabilities and the ambient set {ambient}"
        )),
        _ => Seen::Nothing,
    }
}
