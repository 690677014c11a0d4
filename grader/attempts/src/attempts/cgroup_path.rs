//! cgroup-path: read the name of the container's control group.

use super::{Attack, Attempt, Measured, Need};
use crate::inside::{procfs, read};
use crate::{Host, Inside, Seen};
use nix::errno::Errno;
use nix::libc;

/// The attempt.
pub const ATTEMPT: Attempt = Attempt {
    id: "cgroup-path",
    stake: "The host's order of things: who runs this container, under which name, beside what else.",
    story: "The attacker reads /proc/self/cgroup, which names its control group in every hierarchy. The host has \
            put the container into a group whose name is a random word, so whoever knows the word has seen the \
            host's paths: on a real machine they tell the user, the service and the container's id. In a cgroup \
            namespace paths begin at the group in which the namespace was made, and the file says `/`. So the \
            namespace must be made after the group was joined.",
    by_hand: &[
        "[ -e /proc/self ] || mount -t proc proc /proc",
        "cat /proc/self/cgroup    # more than a slash: escaped",
    ],
    stopped_by: &["lab1-namespaces/cgroup-namespace"],
    after: &[],
    man: &["cgroup_namespaces(7)", "cgroups(7)"],
    letters: Measured { root: "E EBBBBBB", user: "E EBBBBBB", rootless: "I IIIIIII" },
    needs: &[Need::Group],
    decisive: &[libc::SYS_openat, libc::SYS_pread64],
    attack: Attack::Inside(inside),
    witness,
};

fn inside(me: &mut Inside) -> Result<(), Errno> {
    let path = format!("{}/self/cgroup", procfs::procfs()?);
    me.decisive(&format!("open(\"{path}\", O_RDONLY), pread(4096)"));
    let text = read::read(&path)?;
    me.bring_out(&text);
    Ok(())
}

fn witness(host: &Host) -> Seen {
    if host.heard_secret("group") {
        return Seen::Effect("the attacker knows the name that the host gave to its control group".into());
    }
    if !host.said.is_empty() && host.shares("cgroup") == Some(false) {
        return Seen::Confined("what it read begins at the root of a cgroup namespace of its own".into());
    }
    Seen::Nothing
}
