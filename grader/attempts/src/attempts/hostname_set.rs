//! hostname-set: rename the host.

use super::{Attempt, Measured, Need};
use crate::attacker::{Failed, unless_refused};
use crate::refusals::Refusal;
use crate::{Attacker, Host, Seen};
use nix::libc;

/// Below a procfs.
const HOSTNAME: &str = "sys/kernel/hostname";

/// The attempt.
pub const ATTEMPT: Attempt = Attempt {
    id: "hostname-set",
    stake: "The host's name, by which logs, prompts and cluster software know the machine.",
    story: "The attacker calls sethostname(2) with a random word, and the host looks at its own name. The call \
            succeeds in the labs; what counts is whose name changes. A UTS namespace has a host name of its own, \
            and the call sets that of the caller's. Where it is refused (EPERM, without CAP_SYS_ADMIN), the \
            attacker opens the sysctl of that name for writing, which asks for root only, and writes nothing.",
    by_hand: &["hostname mark", "hostname    # on the host"],
    stopped_by: &["lab1-namespaces/uts-namespace"],
    after: &[],
    man: &["sethostname(2)", "uts_namespaces(7)"],
    letters: Measured { root: "E EBBBBBB", user: "E EBBBBBB", rootless: "E EBBBBBB" },
    needs: &[Need::FreshHost],
    decisive: &[libc::SYS_sethostname, libc::SYS_openat, libc::SYS_mount],
    attack,
    class: Refusal::HostName,
    witness,
};

fn attack(me: &mut Attacker) -> Result<(), Failed> {
    match me.sethostname(me.mark()) {
        Err(failed) if failed.forbids() => {}
        done => return done,
    }
    // The other way asks for no capability, but for root. It is left open, and nothing is written to it.
    let procfs = me.procfs()?;
    match me.open_kernel_file(&format!("{procfs}/{HOSTNAME}"), libc::O_RDWR) {
        Err(Failed::Refused(_)) => {}
        done => return done.map(drop),
    }
    // A read-only mount, of all of it or of a part, keeps out who can't change it.
    for mount in [procfs.clone(), format!("{procfs}/sys")] {
        unless_refused(me.remount_writable(&mount))?;
        if unless_refused(me.open_kernel_file(&format!("{procfs}/{HOSTNAME}"), libc::O_RDWR))?.is_some() {
            return Ok(());
        }
    }
    let own = me.new_procfs()?;
    me.open_kernel_file(&format!("{own}/{HOSTNAME}"), libc::O_RDWR).map(drop)
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
    match host.attacker.writes_to(libc::PROC_SUPER_MAGIC, HOSTNAME) {
        Some(path) if host.shares("uts") == Some(true) => {
            Seen::Effect(format!("the attacker holds {path} open for writing, and the name is the host's"))
        }
        _ if host.call.is_some() && host.shares("uts") == Some(false) => Seen::Confined(
            "the name is that of a UTS namespace of the container's own, and not the host's".into(),
        ),
        _ => Seen::Nothing,
    }
}
