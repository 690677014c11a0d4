//! no-new-privs: whether executing a program can still give rights.

use super::{Attempt, Measured, Need};
use crate::attacker::Failed;
use crate::refusals::Refusal;
use crate::{Attacker, Host, Seen};

/// The attempt.
pub const ATTEMPT: Attempt = Attempt {
    id: "no-new-privs",
    stake: "Every other defence of rights: one forgotten set-user-ID file or file capability undoes it.",
    story: "A property, and no deed: nothing is tried. Rights come back with execve(2): by a set-user-ID file, by \
            file capabilities, for root by the bounding and inheritable sets. A process with no_new_privs gets \
            none of them that it did not have before, its children neither, and the bit can't be cleared. The \
            host reads the bit of the command's process.",
    by_hand: &[
        "[ -e /proc/self ] || mount -t proc proc /proc",
        "grep NoNewPrivs /proc/self/status    # 0: escaped",
    ],
    stopped_by: &["lab4-capabilities/no-new-privs"],
    after: &[],
    man: &["PR_SET_NO_NEW_PRIVS(2const)", "prctl(2)", "execve(2)"],
    letters: Measured { root: "E EEEEBBB", user: "E EEEEBBB", rootless: "E EEEEBBB" },
    needs: &[Need::NewPrivileges],
    decisive: &[],
    attack,
    class: Refusal::Permission,
    witness,
};

fn attack(_: &mut Attacker) -> Result<(), Failed> {
    Ok(())
}

fn witness(host: &Host) -> Seen {
    match host.attacker.status.get("NoNewPrivs").map(String::as_str) {
        Some("0") => Seen::Effect("no_new_privs is not set: execve(2) can give rights".into()),
        Some("1") => Seen::Confined("no_new_privs is set: execve(2) gives no right".into()),
        _ => Seen::Nothing,
    }
}
