//! session-keyring: read a key of the caller's.

use super::{Attempt, Measured, Need};
use crate::attacker::{Argument, Failed, unless_refused};
use crate::refusals::Refusal;
use crate::{Attacker, Host, Seen};
use nix::libc;

/// The session keyring (keyctl(2)).
const SESSION: i32 = libc::KEY_SPEC_SESSION_KEYRING;

/// The attempt.
pub const ATTEMPT: Attempt = Attempt {
    id: "session-keyring",
    stake: "The keys of the caller's session: tickets, passwords of network file systems, disk keys.",
    story: "The kernel keeps keys in keyrings. A process inherits the session keyring of the one that started it, \
            and possesses what is in it: it may search and read. No namespace holds keyrings; neither an own \
            session in the sense of setsid(2) nor a new root takes this one away. The decoy host has a key with \
            a random word in it. A seccomp filter without keyctl and request_key keeps the attacker from asking, \
            and so would a new session keyring.",
    by_hand: &[
        "keyctl add user decoy-key secret @s    # on the host, before",
        "keyctl print $(keyctl search @s user decoy-key)    # secret: escaped",
    ],
    stopped_by: &["lab5-seccomp/filter"],
    after: &[],
    man: &["session-keyring(7)", "keyctl(2)", "keyrings(7)"],
    letters: Measured { root: "E EEEEEBB", user: "E EEEEEBB", rootless: "E EEEEEBB" },
    needs: &[Need::Services],
    decisive: &[libc::SYS_keyctl, libc::SYS_request_key],
    attack,
    class: Refusal::Key,
    witness,
};

fn attack(me: &mut Attacker) -> Result<(), Failed> {
    let name = me.given("key").to_owned();
    let own = [0, 0].map(Argument::Number);
    me.handles.keyring = unless_refused(me.keyctl(libc::KEYCTL_GET_KEYRING_ID, SESSION, own))?;
    // Which keys there are, by number.
    unless_refused(me.take_key(SESSION))?;
    let key = match unless_refused(me.request_key(&name))? {
        Some(key) => key,
        None => {
            let wanted = [Argument::text("user"), Argument::text(&name)];
            me.keyctl(libc::KEYCTL_SEARCH, SESSION, wanted)?
        }
    };
    me.handles.key = Some(key);
    me.take_key(key).map(drop)
}

fn witness(host: &Host) -> Seen {
    let Some((_, key, _)) = host.services.as_ref().and_then(|served| served.key.as_ref()) else {
        return Seen::Nothing;
    };
    if host.heard_secret("key") || host.handles.key == Some(*key) || host.heard(&key.to_ne_bytes()) {
        return Seen::Effect(format!("the attacker has found key {key} of the host's session keyring"));
    }
    Seen::Nothing
}
