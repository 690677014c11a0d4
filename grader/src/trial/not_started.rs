//! A start whose command never ran: why not, and all that the program said.

use super::session::Session;
use crate::text;
use attempts::host::Ending;
use std::fmt;
use std::time::Duration;

/// In the one line of the reason stand so many characters of it, the last ones.
const MAX_SHORT: usize = 300;

/// So many lines are kept, the first ones and the last, and of each so many characters.
const MAX_LINES: usize = 16;
const MAX_CHARS: usize = 300;

/// Why the command of a start never ran.
#[derive(Clone, Debug)]
pub struct NotStarted {
    /// In one line, with the end of what the program said.
    pub why: String,
    /// What it said on standard error, line by line.
    pub said: Vec<String>,
}

impl NotStarted {
    /// Of a start in which no command was found.
    pub fn of(session: &mut Session, limit: Duration) -> NotStarted {
        let said = lines(session.stderr());
        let error = session.exec_error();
        let why = match (&session.ended_for, error, session.program()) {
            (Some(why), ..) => format!("the command had not started: {why}"),
            (None, Some(error), _) => format!("the program could not be executed: {error}"),
            (None, None, Ending::None) => format!("the command did not start within {} s", limit.as_secs()),
            (None, None, Ending::Exited(status)) => {
                format!("the program exited with status {status} before its command started")
            }
            (None, None, Ending::Killed(signal)) => {
                format!("signal {signal} killed the program before its command started")
            }
        };
        match in_short(&said) {
            said_it if said_it.is_empty() => NotStarted { why, said },
            said_it => NotStarted { why: format!("{why}; it said: {said_it}"), said },
        }
    }
}

impl fmt::Display for NotStarted {
    fn fmt(&self, to: &mut fmt::Formatter) -> fmt::Result {
        to.write_str(&self.why)
    }
}

impl std::error::Error for NotStarted {}

/// What a program wrote, line by line and fit to be shown: nothing that a terminal obeys.
pub fn lines(bytes: &[u8]) -> Vec<String> {
    let said = String::from_utf8_lossy(bytes);
    let line = |line: &str| text::cut(&text::line(line.trim_end()), MAX_CHARS);
    let all: Vec<String> = said.lines().filter(|it| !it.trim().is_empty()).map(line).collect();
    let Some(more) = all.len().checked_sub(MAX_LINES).filter(|more| *more > 0) else { return all };
    let (first, last) = (&all[..MAX_LINES / 2], &all[all.len() - MAX_LINES / 2..]);
    first.iter().cloned().chain([format!("... {more} more lines")]).chain(last.iter().cloned()).collect()
}

/// The same in one line: the end of it, since that mostly says why.
pub fn in_short(lines: &[String]) -> String {
    let all: Vec<&str> = lines.iter().map(|line| line.trim()).collect();
    let all = all.join(" | ");
    match all.char_indices().rev().nth(MAX_SHORT) {
        None => all,
        Some((at, c)) => format!("... {}", &all[at + c.len_utf8()..]),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn all_of_it_is_kept_and_nothing_that_a_terminal_obeys() {
        let said = lines(b"first\n\n  at main.c:3\r\n\x1b[2Jlast\n");
        assert_eq!(said, ["first", "  at main.c:3", r"\u{1b}[2Jlast"]);
        assert_eq!(in_short(&said), r"first | at main.c:3 | \u{1b}[2Jlast");
        assert_eq!(in_short(&[]), "");
    }

    #[test]
    fn who_says_very_much_is_cut() {
        let many: String = (0..1000).map(|number| format!("line {number}\n")).collect();
        let said = lines(many.as_bytes());
        assert_eq!((said.len(), said[0].as_str(), said[16].as_str()), (17, "line 0", "line 999"));
        assert_eq!(said[8], "... 984 more lines");
        let short = in_short(&["é".repeat(1000), "end".into()]);
        assert!(short.starts_with("... é") && short.ends_with(" | end") && short.chars().count() == 304);
    }
}
