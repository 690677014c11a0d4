//! cap-bounding: which capabilities the container can ever get.

use super::{Attempt, Measured};
use crate::attacker::Failed;
use crate::refusals::Refusal;
use crate::{Attacker, Host, Seen, capabilities};

/// The attempt.
pub const ATTEMPT: Attempt = Attempt {
    id: "cap-bounding",
    stake: "Whatever a capability opens, as soon as root in the container executes a program.",
    story: "A property, and no deed: nothing is tried. When root executes a program it gets all capabilities of \
            its bounding set, whatever it had before. So a container that only gives up what it holds has it back \
            with the next execve(2). The host reads the bounding set of the command's process. It may hold the \
            fourteen that container engines leave by default, and no other.",
    by_hand: &[
        "[ -e /proc/self ] || mount -t proc proc /proc",
        "grep CapBnd /proc/self/status    # the fourteen are 00000000a80425fb",
    ],
    stopped_by: &["lab4-capabilities/bounding-set"],
    after: &[],
    man: &["capabilities(7)", "prctl(2)", "proc_pid_status(5)"],
    letters: Measured { root: "E EEEEBBB", user: "E EEEEBBB", rootless: "E EEEEBBB" },
    needs: &[],
    decisive: &[],
    attack,
    class: Refusal::Permission,
    witness,
};

fn attack(_: &mut Attacker) -> Result<(), Failed> {
    Ok(())
}

fn witness(host: &Host) -> Seen {
    match capabilities::beyond_the_fourteen(&host.attacker, "CapBnd") {
        Some(0) => Seen::Confined("the bounding set holds none but the fourteen".into()),
        Some(more) => Seen::Effect(format!("the bounding set holds {more} capabilities beyond the fourteen")),
        None => Seen::Nothing,
    }
}
