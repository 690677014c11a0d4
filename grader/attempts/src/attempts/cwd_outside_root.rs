//! cwd-outside-root: start in a directory outside of the root.

use super::{Attempt, Measured};
use crate::attacker::Failed;
use crate::attacker::files::OPENS;
use crate::refusals::Refusal;
use crate::{Attacker, Host, Seen};
use nix::libc;

/// The attempt.
pub const ATTEMPT: Attempt = Attempt {
    id: "cwd-outside-root",
    stake: "The host's whole file tree, for a chdir that was forgotten.",
    story: "chroot(2) changes where absolute paths begin, and nothing else: the working directory \
            stays where it was. If that lies outside of the new root, relative paths still start \
            there, and `..` leads up to the host's real root. The attacker opens the canary by two \
            relative paths. chdir(2) into the new root is all that it takes.",
    by_hand: &["cat ../../../../etc/shadow"],
    stopped_by: &["lab0-chroot/chdir"],
    after: &[],
    man: &["chroot(2)", "path_resolution(7)"],
    letters: Measured { root: "E BBBBBBB", user: "E BBBBBBB", rootless: "E BBBBBBB" },
    needs: &[],
    decisive: OPENS,
    attack,
    class: Refusal::Root,
    witness,
};

fn attack(me: &mut Attacker) -> Result<(), Failed> {
    let (_, root) = me.root()?;
    // `..` until it leads nowhere new.
    me.take_canary_above(libc::AT_FDCWD, root)
}

fn witness(host: &Host) -> Seen {
    if host.took("canary") {
        return Seen::Effect("the attacker has read a file of the host by a relative path".into());
    }
    Seen::Nothing
}
