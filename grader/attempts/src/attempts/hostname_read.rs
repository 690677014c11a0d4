//! hostname-read: learn the host's name.

use super::{Attempt, Measured, Need};
use crate::attacker::Failed;
use crate::refusals::Refusal;
use crate::{Attacker, Host, Seen};
use nix::libc;

/// The attempt.
pub const ATTEMPT: Attempt = Attempt {
    id: "hostname-read",
    stake: "Which machine this is: a name often tells its purpose, its owner and its neighbours.",
    story: "The attacker asks for the host name, with uname(2) or in its sysctl. The host's name holds a random word, so whoever knows the word \
            has read it. A UTS namespace alone does not help: it begins as a copy of the old one, with the host's \
            name in it. A container must set a name of its own in the new namespace.",
    by_hand: &["uname -n"],
    stopped_by: &["lab1-namespaces/uts-namespace", "lab1-namespaces/hostname"],
    after: &[],
    man: &["uname(2)", "uts_namespaces(7)"],
    letters: Measured { root: "E EBBBBBB", user: "E EBBBBBB", rootless: "E EBBBBBB" },
    needs: &[Need::Services],
    decisive: &[libc::SYS_uname, libc::SYS_openat, libc::SYS_pread64, libc::SYS_mount],
    attack,
    class: Refusal::HostName,
    witness,
};

fn attack(me: &mut Attacker) -> Result<(), Failed> {
    match me.uname() {
        Err(Failed::Refused(_)) => {}
        Err(other) => return Err(other),
        Ok(name) => {
            me.taken = name;
            return Ok(());
        }
    }
    let path = format!("{}/sys/kernel/hostname", me.procfs()?);
    let name = me.open_kernel_file(&path, libc::O_RDONLY)?;
    me.take(name)
}

fn witness(host: &Host) -> Seen {
    // A namespace that was only copied has the name that the host had then.
    if host.heard_secret("hostname") || host.heard_secret("first-hostname") {
        return Seen::Effect("the attacker knows the host's name".into());
    }
    if !host.said.is_empty() && host.shares("uts") == Some(false) {
        return Seen::Confined("it reads the name of a UTS namespace of the container's own".into());
    }
    Seen::Nothing
}
