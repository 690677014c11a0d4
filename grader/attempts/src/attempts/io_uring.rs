//! io-uring: a second way to make system calls, which no filter sees.

use super::{Attempt, Measured};
use crate::attacker::{Argument, Failed};
use crate::refusals::Refusal;
use crate::{Attacker, Host, Seen};
use nix::libc;

/// The attempt.
pub const ATTEMPT: Attempt = Attempt {
    id: "io-uring",
    stake: "The filter itself: what is asked through a ring is done by the kernel, and seccomp is not asked.",
    story: "The attacker sets up an io_uring: memory that it shares with the kernel, in which requests to open, \
            read, send and connect are written down. The kernel carries them out without a system call for each, \
            so that a seccomp filter sees none of them. The interface is also large and young, and has had many \
            holes. Filters of container engines leave it out. The host sees the ring among the descriptors of the \
            attacker.",
    by_hand: &[
        "[ -e /dev/null ] || touch /dev/null",
        r#"perl -e '$p = "\0" x 120; print syscall(425, 1, $p), "\n"'    # a descriptor: escaped; -1: refused"#,
    ],
    stopped_by: &["lab5-seccomp/filter"],
    after: &[],
    man: &["io_uring_setup(2)", "io_uring(7)", "seccomp(2)"],
    letters: Measured { root: "E EEEEEBB", user: "E EEEEEBB", rootless: "E EEEEEBB" },
    needs: &[],
    decisive: &[libc::SYS_io_uring_setup],
    attack,
    class: Refusal::Permission,
    witness,
};

/// The size of `struct io_uring_params` (include/uapi/linux/io_uring.h), all zeros to begin with.
const PARAMETERS: usize = 120;

/// Where its flags begin, and `IORING_SETUP_CLAMP` (Linux 5.6).
const FLAGS: usize = 8;
const CLAMP: u8 = 16;

/// A larger ring there is not (`IORING_MAX_ENTRIES`).
const LARGEST: u64 = 32768;

fn attack(me: &mut Attacker) -> Result<(), Failed> {
    // As large as nobody can have known.
    let sizes = [30, 4000, LARGEST].map(|most| 2 + (me.chosen(0) % most) as i32);
    // What is too large becomes as large as there are.
    let sizes = [1].into_iter().chain(sizes).chain([1 << 16 | me.chosen(0) as i32 & i32::MAX]);
    let ring = me.with_each(sizes, |me, entries| {
        let mut parameters = vec![0; PARAMETERS];
        parameters[FLAGS] = if entries > LARGEST as i32 { CLAMP } else { 0 };
        let arguments = [entries.into(), Argument::Room(parameters)];
        Ok(me.call("io_uring_setup", libc::SYS_io_uring_setup, arguments)?.value as i32)
    })?;
    match me.is_anonymous(ring, "io_uring")? {
        true => Ok(()),
        false => me.gives_up("the descriptor that it got is no ring"),
    }
}

fn witness(host: &Host) -> Seen {
    // What came back, the host has looked at.
    match host.call_succeeded() {
        true => Seen::Effect("the attacker holds an io_uring".into()),
        false => Seen::Nothing,
    }
}
