//! session-keyring: read a key of the caller's.

use super::{Attack, Attempt, Measured};
use crate::places::KEY;
use crate::{Host, Inside, Seen};
use nix::errno::Errno;
use nix::libc;

/// The attempt.
pub const ATTEMPT: Attempt = Attempt {
    id: "session-keyring",
    stake: "The keys of the caller's session: tickets, passwords of network file systems, disk keys.",
    story: "The kernel keeps keys in keyrings. A process inherits the session keyring of the one that started it, \
            and possesses what is in it: it may search and read. No namespace holds keyrings; neither an own \
            session in the sense of setsid(2) nor a new root takes this one away. The decoy host has a key with \
            a random word in it. A seccomp filter without keyctl keeps the attacker from asking, and so would a \
            new session keyring.",
    by_hand: &[
        "keyctl add user decoy-key secret @s    # on the host, before",
        "keyctl print $(keyctl search @s user decoy-key)    # secret: escaped",
    ],
    stopped_by: &["lab5-seccomp/filter"],
    after: &[],
    man: &["session-keyring(7)", "keyctl(2)", "keyrings(7)"],
    letters: Measured { root: "E EEEEEBB", user: "E EEEEEBB", rootless: "E EEEEEBB" },
    needs: &[],
    decisive: &[libc::SYS_keyctl],
    attack: Attack::Inside(inside),
    witness,
};

fn inside(me: &mut Inside) -> Result<(), Errno> {
    me.decisive("keyctl(KEYCTL_SEARCH, KEY_SPEC_SESSION_KEYRING), keyctl(KEYCTL_READ)");
    let (mut payload, kind, name) = ([0_u8; 256], c"user".as_ptr(), KEY.as_ptr());
    // SAFETY: the strings end in NUL, and the buffer has the length that is given.
    let length = unsafe {
        let ring = libc::KEY_SPEC_SESSION_KEYRING;
        let search = libc::syscall(libc::SYS_keyctl, libc::KEYCTL_SEARCH, ring, kind, name, 0);
        let key = Errno::result(search)?;
        let read = libc::KEYCTL_READ;
        Errno::result(libc::syscall(libc::SYS_keyctl, read, key, payload.as_mut_ptr(), payload.len()))?
    };
    me.bring_out(&payload[..payload.len().min(length as usize)]);
    Ok(())
}

fn witness(host: &Host) -> Seen {
    if host.heard_secret("key") {
        return Seen::Effect("the attacker knows what a key of the caller's session keyring holds".into());
    }
    Seen::Nothing
}
