//! hostname-read: learn the host's name.

use super::{Attack, Attempt, Measured};
use crate::{Host, Inside, Seen};
use nix::errno::Errno;
use nix::libc;
use nix::unistd::gethostname;
use std::os::unix::ffi::OsStrExt;

/// The attempt.
pub const ATTEMPT: Attempt = Attempt {
    id: "hostname-read",
    stake: "Which machine this is: a name often tells its purpose, its owner and its neighbours.",
    story: "The attacker asks for the host name. The host's name holds a random word, so whoever knows the word \
            has read it. A UTS namespace alone does not help: it begins as a copy of the old one, with the host's \
            name in it. A container must set a name of its own in the new namespace.",
    by_hand: &["uname -n"],
    stopped_by: &["lab1-namespaces/uts-namespace", "lab1-namespaces/hostname"],
    after: &[],
    man: &["uname(2)", "uts_namespaces(7)"],
    letters: Measured { root: "E EBBBBBB", user: "E EBBBBBB", rootless: "E EBBBBBB" },
    needs: &[],
    // gethostname(2) is a function of the C library upon it.
    decisive: &[libc::SYS_uname],
    attack: Attack::Inside(inside),
    witness,
};

fn inside(me: &mut Inside) -> Result<(), Errno> {
    me.decisive("uname()");
    let name = gethostname()?;
    me.bring_out(name.as_bytes());
    Ok(())
}

fn witness(host: &Host) -> Seen {
    if host.heard_secret("hostname") {
        return Seen::Effect("the attacker knows the host's name".into());
    }
    if host.call == Some(Some(0)) && host.shares("uts") == Some(false) {
        return Seen::Confined("it reads the name of a UTS namespace of the container's own".into());
    }
    Seen::Nothing
}
