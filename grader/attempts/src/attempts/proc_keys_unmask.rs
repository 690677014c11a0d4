//! proc-keys-unmask: the same, after taking the mask away.

use super::proc_keys::witness;
use super::{Attempt, Measured, Need};
use crate::Attacker;
use crate::attacker::{Failed, unless_refused};
use crate::refusals::Refusal;
use nix::libc;

/// The attempt.
pub const ATTEMPT: Attempt = Attempt {
    id: "proc-keys-unmask",
    stake: "Every path that a mask hides: a mask is a mount, and a mount can be undone.",
    story: "What hides /proc/keys is another file mounted over it. The attacker unmounts whatever lies there and \
            reads the list of keys below, or mounts a procfs on which nothing lies. Both need CAP_SYS_ADMIN in the container's mount namespace, \
            which root in a container has until it is taken away (EPERM). So a mask is as good as the capability \
            sets.",
    by_hand: &["umount /proc/keys", "cat /proc/keys"],
    stopped_by: &["lab4-capabilities/bounding-set", "lab4-capabilities/capability-sets"],
    after: &["proc-keys"],
    man: &["umount(2)", "keyrings(7)", "capabilities(7)"],
    letters: Measured { root: "E EEEEBBB", user: "E EEEEBBB", rootless: "E EEEEBBB" },
    needs: &[Need::FreshHost, Need::Services],
    decisive: &[libc::SYS_openat, libc::SYS_umount2, libc::SYS_mount],
    attack,
    class: Refusal::Mask,
    witness,
};

fn attack(me: &mut Attacker) -> Result<(), Failed> {
    let path = format!("{}/keys", me.procfs()?);
    unless_refused(me.unmask(&path))?;
    if unless_refused(me.take_kernel_file(&path))?.is_some() && me.has_kernel_file() {
        return Ok(());
    }
    let path = format!("{}/keys", me.new_procfs()?);
    me.take_kernel_file(&path)
}
