//! The standard streams: what goes in and what comes out, through pipes and through a terminal.

use super::{InStart, Work, nothing_to_do};
use crate::{Host, Inside};
use nix::errno::Errno;
use nix::poll::{PollFd, PollFlags, PollTimeout, poll};
use std::io::{IsTerminal, stdin};
use std::os::fd::AsFd;

/// Its output comes through.
pub const OUTPUT: Work = Work {
    id: "output",
    first_lab: 0,
    what: "What the command writes to standard output and to standard error comes out.",
    man: &["write(2)"],
    after: &[],
    run: InStart::Pipes,
    inside: nothing_to_do,
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
    inside: read_the_word,
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
    inside: |me| match stdin().is_terminal() {
        true => read_the_word(me),
        false => Err("its standard input is no terminal".into()),
    },
    judge: the_word_came,
};

/// How long a word may take that was written before the command was asked for it, in milliseconds.
const TIMEOUT: u16 = 1000;

/// Reads a line from standard input, byte for byte: the rest is for others.
fn read_the_word(me: &mut Inside) -> Result<(), String> {
    if me.talks_over_streams() {
        // It was asked that way.
        let word = me.mark().to_owned();
        me.bring_out(word.as_bytes());
        return Ok(());
    }
    let said = |errno: Errno| format!("standard input: {errno}");
    let input = stdin();
    let mut line = Vec::new();
    while line.last() != Some(&b'\n') {
        let mut ready = [PollFd::new(input.as_fd(), PollFlags::POLLIN)];
        if poll(&mut ready, PollTimeout::from(TIMEOUT)).map_err(said)? == 0 {
            return Err("nothing came on standard input".into());
        }
        let mut byte = [0];
        match nix::unistd::read(&input, &mut byte).map_err(said)? {
            0 => return Err("standard input is at its end".into()),
            _ => line.extend(byte),
        }
    }
    me.bring_out(&line);
    Ok(())
}

fn the_word_came(host: &Host) -> Result<(), String> {
    match host.heard(host.mark.as_bytes()) {
        true => Ok(()),
        false => Err("what came on standard input is not what was written".into()),
    }
}
