//! The standard streams: what goes in and what comes out, through pipes and through a terminal.

use super::calls::{ioctl, read, said};
use super::{InStart, Work, nothing_to_do};
use crate::attacker::{Argument, Failed};
use crate::{Attacker, Host};
use nix::errno::Errno;
use nix::libc;
use std::time::Duration;

/// Its output comes through.
pub const OUTPUT: Work = Work {
    id: "output",
    first_lab: 0,
    what: "What the command writes to standard output and to standard error comes out.",
    man: &["write(2)"],
    after: &[],
    run: InStart::Pipes,
    calls: nothing_to_do,
    judge: |host| {
        let word = host.mark.as_bytes();
        for (name, stream) in [("standard output", &host.stdout), ("standard error", &host.stderr)] {
            if !stream.windows(word.len()).any(|window| window == word) {
                return Err(format!("the command wrote a word to {name}, and it did not come out"));
            }
        }
        Ok(())
    },
};

/// Its input comes through.
pub const INPUT: Work = Work {
    id: "input",
    first_lab: 0,
    what: "What is written to the program's standard input, a pipe, reaches the command.",
    man: &["pipe(7)", "read(2)"],
    after: &[],
    run: InStart::Pipes,
    calls: read_the_word,
    judge: the_word_came,
};

/// A terminal stays one.
pub const TERMINAL: Work = Work {
    id: "terminal",
    first_lab: 0,
    what: "A terminal on the program's standard input is one for the command, and what is typed reaches it.",
    man: &["isatty(3)", "pty(7)"],
    after: &[],
    run: InStart::Watched,
    // isatty(3).
    calls: |me| match ioctl(me, 0, libc::TCGETS as _, Argument::room(TERMIOS)) {
        Ok(_) => read_the_word(me),
        Err(Failed::Refused(Errno::ENOTTY)) => Err("its standard input is no terminal".into()),
        Err(failed) => Err(said("standard input")(failed)),
    },
    judge: the_word_came,
};

/// The kernel's `struct termios` is no longer, in bytes: include/uapi/asm-generic/termbits.h.
const TERMIOS: usize = 64;

/// How long a word may take that was written before the command was asked for it.
const TIMEOUT: Duration = Duration::from_secs(1);

/// As many bytes are read at once.
const LINE: usize = 4096;

/// Reads a line from standard input.
fn read_the_word(me: &mut Attacker) -> Result<(), String> {
    while me.taken.last() != Some(&b'\n') {
        if !me.is_readable(0, TIMEOUT).map_err(said("standard input"))? {
            return Err("nothing came on standard input".into());
        }
        match read(me, 0, LINE).map_err(said("standard input"))? {
            bytes if bytes.is_empty() => return Err("standard input is at its end".into()),
            bytes => me.taken.extend(bytes),
        }
    }
    Ok(())
}

fn the_word_came(host: &Host) -> Result<(), String> {
    match host.heard(host.mark.as_bytes()) {
        true => Ok(()),
        false => Err("what came on standard input is not what was written".into()),
    }
}
