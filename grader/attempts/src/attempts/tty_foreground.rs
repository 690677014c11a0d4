//! tty-foreground: take the caller's terminal away from the caller.

use super::{Attack, Attempt, Measured, Need};
use crate::inside::{child, terminal};
use crate::{Host, Inside, Seen};
use nix::errno::Errno;
use nix::libc;
use nix::sys::signal::{SigHandler, Signal, signal};
use nix::unistd::setpgid;

/// The attempt.
pub const ATTEMPT: Attempt = Attempt {
    id: "tty-foreground",
    stake: "The caller's terminal: who is in its foreground gets what is typed there, passwords too.",
    story: "The attacker starts a process in a new process group and makes that group the foreground group of the \
            terminal. From then on the caller's keys go to it, Ctrl-C included, and the caller's own programs are \
            stopped when they read. Whoever is in the terminal's session may do this; no capability is needed, and \
            none helps somebody outside. The defence is a session of the container's own, which has no \
            controlling terminal.",
    by_hand: &[
        "set -m; sleep 9 & fg    # the shell does the same with each job; `can't access tty`: blocked",
    ],
    stopped_by: &["lab3-pivot/session"],
    after: &["terminal"],
    man: &["tcsetpgrp(3)", "ioctl_tty(2)", "setsid(2)", "credentials(7)"],
    letters: Measured { root: "E EEEBBBB", user: "E EEEBBBB", rootless: "E EEEBBBB" },
    needs: &[Need::Terminal],
    decisive: &[libc::SYS_ioctl],
    attack: Attack::Inside(inside),
    witness,
};

fn inside(me: &mut Inside) -> Result<(), Errno> {
    // The attacker may lead a session, and then can't leave its group: a child can.
    let child = child::waiting()?;
    setpgid(child, child)?;
    // Else a background process that changes the foreground is stopped (credentials(7)).
    // SAFETY: no handler is installed.
    unsafe { signal(Signal::SIGTTOU, SigHandler::SigIgn) }?;
    let terminal = terminal::inherited(me)?;
    let group = child.as_raw();
    me.decisive(&format!("ioctl({terminal}, TIOCSPGRP, {group})"));
    // SAFETY: the ioctl reads one int.
    Errno::result(unsafe { libc::ioctl(terminal, libc::TIOCSPGRP, &raw const group) }).map(drop)
}

fn witness(host: &Host) -> Seen {
    match host.foreground {
        (Some(before), Some(after)) if before != after => Seen::Effect(
            "another process group than before is in the foreground of the caller's terminal".into(),
        ),
        _ => Seen::Nothing,
    }
}
