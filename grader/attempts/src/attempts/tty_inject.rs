//! tty-inject: type a command into the caller's terminal.

use super::{Attempt, Measured, Need};
use crate::attacker::Failed;
use crate::refusals::Refusal;
use crate::{Attacker, Host, Seen};
use nix::libc;

/// The attempt.
pub const ATTEMPT: Attempt = Attempt {
    id: "tty-inject",
    stake: "The caller's shell: what seems to be typed at its prompt is run with all its rights.",
    story: "The attacker pushes characters into the input of the terminal that it was started from. When the \
            container ends, the caller's shell reads them as if they had been typed, and runs them on the host. \
            TIOCSTI asks for one of two things: that the terminal is the attacker's own controlling terminal, or \
            CAP_SYS_ADMIN. So it takes two defences: a session of the container's own, and no such capability; \
            in a user namespace the first is enough. Where dev.tty.legacy_tiocsti is 0 only the capability counts.",
    by_hand: &[
        "[ -e /dev/null ] || touch /dev/null",
        r#"perl -e 'ioctl(STDERR, 0x5412, $_) for split //, "id\n"'    # the caller's shell runs it: escaped"#,
    ],
    stopped_by: &[
        "lab3-pivot/session",
        "lab4-capabilities/bounding-set",
        "lab4-capabilities/capability-sets",
    ],
    after: &["terminal"],
    man: &["ioctl_tty(2)", "setsid(2)", "capabilities(7)"],
    letters: Measured { root: "E EEEEBBB", user: "E EEEBBBB", rootless: "E EEEBBBB" },
    needs: &[Need::Terminal],
    decisive: &[libc::SYS_ioctl],
    attack,
    class: Refusal::Terminal,
    witness,
};

fn attack(me: &mut Attacker) -> Result<(), Failed> {
    let terminal = me.terminal()?;
    me.type_mark(terminal, libc::TIOCSTI)
}

fn witness(host: &Host) -> Seen {
    if host.typed_mark() {
        return Seen::Effect(
            "a line of the attacker's came in over the caller's terminal as typed input".into(),
        );
    }
    Seen::Nothing
}
