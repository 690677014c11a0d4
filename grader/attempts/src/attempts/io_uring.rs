//! io-uring: a second way to make system calls, which no filter sees.

use super::{Attack, Attempt, Measured};
use crate::{Host, Inside, Seen};
use nix::errno::Errno;
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
    attack: Attack::Inside(inside),
    witness,
};

/// The size of `struct io_uring_params` (include/uapi/linux/io_uring.h), all zeros to begin with.
const PARAMETERS: usize = 120;

fn inside(me: &mut Inside) -> Result<(), Errno> {
    let mut parameters = [0_u64; PARAMETERS / 8];
    me.decisive("io_uring_setup(1)");
    // SAFETY: the kernel reads and writes a structure of that size. The descriptor stays open for the host to see.
    Errno::result(unsafe { libc::syscall(libc::SYS_io_uring_setup, 1, parameters.as_mut_ptr()) }).map(drop)
}

fn witness(host: &Host) -> Seen {
    let rings = |descriptors: &[crate::host::Descriptor]| {
        descriptors.iter().filter(|it| it.target.starts_with("anon_inode:[io_uring]")).count()
    };
    if rings(&host.attacker.descriptors) > rings(&host.attacker_before.descriptors) {
        return Seen::Effect("the attacker holds an io_uring".into());
    }
    Seen::Nothing
}
