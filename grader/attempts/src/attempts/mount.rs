//! mount: mount a file system that the host will see.

use super::{Attempt, Measured, Need};
use crate::inside::devtmpfs;
use crate::{Host, Inside, Seen};
use nix::errno::Errno;
use nix::libc;
use nix::mount::{MsFlags, mount};
use std::fs;

/// The attempt.
pub const ATTEMPT: Attempt = Attempt {
    id: "mount",
    stake: "The host's own file tree: whoever can mount in it can cover any file of it.",
    story: "The attacker mounts a tmpfs under a name that only the host knows, and the host looks for that name in \
            its own mount table. The call succeeds in the labs; what counts is where. A mount namespace of its own \
            keeps the mount inside, if its mounts are private: a namespace begins as a copy whose mounts are peers \
            of the host's, and what is mounted in one peer appears in the other.",
    by_hand: &["mount -t tmpfs mark /tmp", "grep mark /proc/self/mountinfo    # on the host"],
    stopped_by: &["lab1-namespaces/mount-namespace", "lab1-namespaces/private-propagation"],
    after: &[],
    man: &["mount(2)", "mount_namespaces(7)"],
    letters: Measured { root: "E EBBBBBB", user: "E EBBBBBB", rootless: "E EBBBBBB" },
    needs: &[Need::FreshHost],
    decisive: &[libc::SYS_mount],
    inside,
    witness,
};

fn inside(me: &mut Inside) -> Result<(), Errno> {
    let target =
        if !devtmpfs::holds("/tmp/m") && fs::create_dir_all("/tmp/m").is_ok() { "/tmp/m" } else { "/" };
    me.decisive(&format!("mount(\"{}\", \"{target}\", \"tmpfs\")", me.mark()));
    mount(Some(me.mark()), target, Some("tmpfs"), MsFlags::empty(), None::<&str>)
}

fn witness(host: &Host) -> Seen {
    if host.mountinfo.1.contains(&host.mark) {
        return Seen::Effect("the attacker's mount appeared in the host's mount table".into());
    }
    if host.attacker.mountinfo.contains(&host.mark) && host.shares("mnt") == Some(false) {
        return Seen::Confined(
            "the mount is in the container's own mount namespace, and not in the host's".into(),
        );
    }
    Seen::Nothing
}
