//! proc-keys: read the names of the host's keys.

use super::{Attempt, Measured, Need};
use crate::attacker::Failed;
use crate::refusals::Refusal;
use crate::{Attacker, Host, Seen};
use nix::libc;

/// The attempt.
pub const ATTEMPT: Attempt = Attempt {
    id: "proc-keys",
    stake: "Which secrets the host's users keep in the kernel: logins, encrypted directories, network shares.",
    story: "The kernel keeps keys for its users, and /proc/keys lists those that the reader may view. No \
            namespace divides them: root in the container is the same user as root on the host, and sees the \
            same keys. The attacker reads the list; where there is no procfs it mounts one. One key of the host \
            has a random word for its description, so whoever knows the word has read it. In a container \
            /dev/null is bound over the file: it opens, and is empty.",
    by_hand: &["[ -e /proc/self ] || mount -t proc proc /proc", "cat /proc/keys"],
    stopped_by: &["lab2-mounts/proc", "lab2-mounts/masked-paths"],
    after: &[],
    man: &["keyrings(7)", "proc(5)"],
    letters: Measured { root: "E EEBBBBB", user: "E EEBBBBB", rootless: "E EEBBBBB" },
    needs: &[Need::Services],
    decisive: &[libc::SYS_openat, libc::SYS_mount],
    attack,
    class: Refusal::Mask,
    witness,
};

fn attack(me: &mut Attacker) -> Result<(), Failed> {
    let path = format!("{}/keys", me.procfs()?);
    me.take_kernel_file(&path)
}

pub(super) fn witness(host: &Host) -> Seen {
    if host.heard_secret("key-name") {
        return Seen::Effect("the attacker knows the description of one of the host's keys".into());
    }
    let me = &host.attacker;
    let other_user = me.euid.is_some_and(|uid| uid != host.root_uid) || host.shares("user") == Some(false);
    if host.call_succeeded() && host.handles.is_of_the_kernel() && other_user {
        return Seen::Confined("the kernel shows the attacker the keys of its own users only".into());
    }
    Seen::Nothing
}
