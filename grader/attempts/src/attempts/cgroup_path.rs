//! cgroup-path: read the name of the container's control group.

use super::{Attempt, Measured, Need};
use crate::attacker::Failed;
use crate::refusals::Refusal;
use crate::{Attacker, Host, Seen};
use nix::libc;
use nix::sys::statfs::PROC_SUPER_MAGIC;

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
    decisive: &[
        libc::SYS_openat,
        libc::SYS_openat2,
        libc::SYS_read,
        libc::SYS_fsopen,
        libc::SYS_fsconfig,
        libc::SYS_fsmount,
        libc::SYS_mount,
    ],
    attack,
    class: Refusal::Permission,
    witness,
};

fn attack(me: &mut Attacker) -> Result<(), Failed> {
    // Whatever lies at the file that it finds: a procfs of its own shows its own group.
    let shown = read(me, libc::AT_FDCWD, "/proc/self/cgroup");
    match me.new_mount("proc", "") {
        Ok(procfs) => read(me, procfs, "self/cgroup"),
        Err(Failed::Refused(_)) if shown.is_ok() => read(me, libc::AT_FDCWD, "/proc/self/cgroup"),
        Err(other) => Err(other),
    }
}

/// By the attacker alone: paths begin where the reader's cgroup namespace does.
fn read(me: &mut Attacker, directory: i32, path: &str) -> Result<(), Failed> {
    let file = me.open_stake_at(directory, path, libc::O_RDONLY)?;
    match me.file_system_type(file)? {
        PROC_SUPER_MAGIC => me.read_stake(file),
        _ => me.gives_up(&format!("{path} is no file of a procfs")),
    }
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
