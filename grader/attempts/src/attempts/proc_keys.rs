//! proc-keys: read the names of the host's keys.

use super::{Attack, Attempt, Measured};
use crate::inside::procfs::procfs;
use crate::inside::read::bring_out;
use crate::{Host, Inside, Seen};
use nix::errno::Errno;
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
    needs: &[],
    decisive: &[libc::SYS_openat, libc::SYS_pread64],
    attack: Attack::Inside(inside),
    witness,
};

fn inside(me: &mut Inside) -> Result<(), Errno> {
    let path = format!("{}/keys", procfs()?);
    me.decisive(&format!("open(\"{path}\", O_RDONLY), pread()"));
    bring_out(me, &path)
}

pub(super) fn witness(host: &Host) -> Seen {
    if host.heard_secret("key-name") {
        return Seen::Effect("the attacker knows the description of one of the host's keys".into());
    }
    if host.call == Some(Some(0)) && host.said.is_empty() {
        return Seen::Confined("the file opened, and the kernel gave the attacker none of it".into());
    }
    Seen::Nothing
}
