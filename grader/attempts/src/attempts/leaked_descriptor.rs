//! leaked-descriptor: use a directory that the caller left open.

use super::{Attempt, Measured, Need};
use crate::attacker::files::OPENS;
use crate::attacker::{Failed, unless_refused};
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
    let (_, root) = me.root()?;
    // The directory in which the canary lies may be the one that was left, or the top of what was.
    let canary = me.given("canary");
    let name = canary.rsplit('/').next().unwrap_or(canary);
    for descriptor in all {
        me.sees_what_is_sent(descriptor)?;
        if !me.is_directory(descriptor)? {
            continue;
        }
        let top = unless_refused(me.climb(descriptor))?;
        for (from, name) in [(Some(descriptor), canary), (Some(descriptor), name), (top, name)] {
            if let Some(from) = from {
                unless_refused(me.take_one_of_two(from, &[""], name))?;
            }
        }
        unless_refused(me.take_canary_above(descriptor, root))?;
    }
    me.open_stake_at(LEFT, canary, libc::O_RDONLY).map(drop)
}

fn witness(host: &Host) -> Seen {
    if host.took("canary") || host.took("root") {
        return Seen::Effect("the attacker has a directory of the host by a descriptor left open".into());
    }
    if host.handles.in_flight {
        return Seen::Unclear(
            "descriptors are on their way to the attacker, in a socket that it holds".into(),
        );
    }
    if !host.opened.is_empty() && !host.opened.iter().any(|it| it.is(SFlag::S_IFDIR)) {
        return Seen::Confined("none of the attacker's descriptors is a directory".into());
    }
    Seen::Nothing
}
