//! tty-foreground: take the caller's terminal away from the caller.

use super::{Attempt, Measured, Need};
use crate::attacker::{Argument, Failed};
use crate::refusals::Refusal;
use crate::{Attacker, Host, Seen};
use nix::libc;

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
    attack,
    class: Refusal::Terminal,
    witness,
};

fn attack(me: &mut Attacker) -> Result<(), Failed> {
    let terminal = me.terminal()?;
    // The attacker may lead a session, and then can't leave its group: a child can.
    let child = me.child()?;
    me.setpgid(child, child)?;
    // Else a background process that changes the foreground is stopped (credentials(7)).
    me.block(libc::SIGTTOU)?;
    let group = || Argument::Bytes(child.to_ne_bytes().to_vec());
    match me.ioctl(terminal, libc::TIOCSPGRP, group()) {
        Err(Failed::Refused(_)) => {}
        done => return done,
    }
    // The kernel reads 32 bits of the request.
    me.ioctl(terminal, libc::TIOCSPGRP | 1 << 32, group())
}

fn witness(host: &Host) -> Seen {
    match host.foreground {
        (Some(before), Some(after)) if before != after => Seen::Effect(
            "another process group than before is in the foreground of the caller's terminal".into(),
        ),
        _ => Seen::Nothing,
    }
}
