//! Parses the output of cargo and the compiler: diagnostics, built files, and cargo's status.

use crate::text;
use serde::Deserialize;

/// A line of cargo's output.
pub(super) enum Line {
    /// A line on standard output: a message.
    Message(String),
    /// One on standard error.
    Said(String),
    /// One of the two is closed.
    End,
}

/// The collected output of a build.
#[derive(Default)]
pub(super) struct CargoOutput {
    /// Cargo's messages about what it made.
    pub messages: String,
    /// The text for the person.
    pub shown: Vec<String>,
    /// The number of texts left out.
    more: usize,
}

/// A line of cargo's `--message-format=json`.
#[derive(Deserialize)]
struct Message {
    reason: String,
    message: Option<Diagnostic>,
}

#[derive(Deserialize)]
struct Diagnostic {
    rendered: Option<String>,
}

/// Bounds for a build that floods: the number of texts, and the characters of each.
const MAX_LINES: usize = 400;
const MAX_LINE: usize = 20_000;
/// The maximum length of a status line, in characters.
const STATUS: usize = 200;
/// The maximum of messages about built files, in bytes.
const MESSAGES: usize = 16 << 20;

impl CargoOutput {
    /// Handles a line. Returns cargo's status, if the line is one; it is not collected.
    pub fn line(&mut self, line: Line) -> Option<String> {
        match line {
            Line::Message(line) => {
                let message: Message = serde_json::from_str(&line).ok()?;
                match message.message.and_then(|it| it.rendered) {
                    Some(rendered) if message.reason == "compiler-message" => self.show(rendered),
                    _ if message.reason == "compiler-artifact" && self.messages.len() < MESSAGES => {
                        self.messages += &(line + "\n");
                    }
                    _ => {}
                }
                None
            }
            Line::Said(line) if is_status(&without_colours(&line)) => {
                Some(text::cut(&text::line(without_colours(&line).trim()), STATUS))
            }
            Line::Said(line) => {
                if !line.trim().is_empty() {
                    self.show(line);
                }
                None
            }
            Line::End => None,
        }
    }

    fn show(&mut self, said: String) {
        if self.shown.len() < MAX_LINES {
            self.shown.push(text::cut(said.trim_end(), MAX_LINE));
        } else {
            self.more += 1;
            self.shown.truncate(MAX_LINES);
            self.shown.push(format!("and {} more", self.more));
        }
    }
}

/// Whether a line is a status line of cargo: a verb, right-aligned in twelve columns.
fn is_status(line: &str) -> bool {
    let verb = line.trim_start();
    let column = line.len() - verb.len();
    let end = verb.find(' ').unwrap_or(verb.len());
    column > 0 && column + end == 12 && verb.starts_with(|first: char| first.is_ascii_uppercase())
}

/// Text without the escape sequences of a terminal.
pub fn without_colours(text: &str) -> String {
    anstream::adapter::strip_str(text).to_string()
}

/// Whether rustc reports that the linker failed.
pub(super) fn is_linker(said: &str) -> bool {
    without_colours(said).starts_with("error: linking with")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_cargo_does_is_told_apart_from_what_it_found() {
        assert!(is_status("   Compiling nix v0.31.0"));
        assert!(is_status("    Finished `dev` profile [unoptimized] target(s) in 0.05s"));
        assert!(is_status("    Blocking waiting for file lock on build directory"));
        assert!(!is_status("error: could not compile `lab1-namespaces` (lib) due to 1 previous error"));
        assert!(!is_status("  --> Cargo.toml:3:1"));
        assert!(!is_status(""));
    }

    #[test]
    fn a_diagnostic_is_shown_as_rustc_drew_it() {
        let mut cargo_output = CargoOutput::default();
        let message =
            r#"{"reason":"compiler-message","message":{"rendered":"\u001b[1merror\u001b[0m: no\n"}}"#;
        assert_eq!(cargo_output.line(Line::Message(message.into())), None);
        assert_eq!(
            cargo_output.line(Line::Said("   Compiling a v0.1.0".into())),
            Some("Compiling a v0.1.0".into())
        );
        assert_eq!(cargo_output.line(Line::Said("error: could not compile `a`".into())), None);
        assert_eq!(cargo_output.shown, ["\u{1b}[1merror\u{1b}[0m: no", "error: could not compile `a`"]);
    }

    #[test]
    fn a_build_that_floods_is_cut_and_says_so() {
        let mut cargo_output = CargoOutput::default();
        for _ in 0..MAX_LINES + 3 {
            cargo_output.line(Line::Said(format!("note: {}", "x".repeat(2 * MAX_LINE))));
        }
        assert_eq!(cargo_output.shown.len(), MAX_LINES + 1);
        assert_eq!(cargo_output.shown[MAX_LINES], "and 3 more");
        assert!(cargo_output.shown[0].len() < MAX_LINE + 100);
    }

    #[test]
    fn a_linker_that_fails_is_known() {
        assert!(is_linker(
            "\u{1b}[1m\u{1b}[91merror\u{1b}[0m\u{1b}[1m: linking with `cc` failed: exit status: 1"
        ));
        assert!(!is_linker("error: could not compile"));
    }
}
