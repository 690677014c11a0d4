//! hostname-set: rename the host.

use super::{Attack, Attempt, Measured, Need};
use crate::{Host, Inside, Seen};
use nix::errno::Errno;
use nix::libc;
use nix::unistd::sethostname;

/// The attempt.
pub const ATTEMPT: Attempt = Attempt {
    id: "hostname-set",
    stake: "The host's name, by which logs, prompts and cluster software know the machine.",
    story: "The attacker calls sethostname(2) with a random word, and the host looks at its own name. The call \
            succeeds in the labs; what counts is whose name changes. A UTS namespace has a host name of its own, \
            and the call sets that of the caller's. Without CAP_SYS_ADMIN the call is refused (EPERM).",
    by_hand: &["hostname mark", "hostname    # on the host"],
    stopped_by: &["lab1-namespaces/uts-namespace"],
    after: &[],
    man: &["sethostname(2)", "uts_namespaces(7)"],
    letters: Measured { root: "E EBBBBBB", user: "E EBBBBBB", rootless: "E EBBBBBB" },
    needs: &[Need::FreshHost],
    decisive: &[libc::SYS_sethostname],
    attack: Attack::Inside(inside),
    witness,
};

fn inside(me: &mut Inside) -> Result<(), Errno> {
    me.decisive(&format!("sethostname(\"{}\")", me.mark()));
    sethostname(me.mark())
}

fn witness(host: &Host) -> Seen {
    let (before, after) = &host.hostname;
    if *after == host.mark {
        return Seen::Effect("the host bears the name that the attacker gave it".into());
    }
    // A container that sets its own name without a UTS namespace renames the host as well.
    if before != after {
        return Seen::Effect(format!("the host's name has changed to {after:?}"));
    }
    if host.call == Some(Some(0)) && host.shares("uts") == Some(false) {
        return Seen::Confined("it renamed a UTS namespace of the container's own, and not the host".into());
    }
    Seen::Nothing
}
