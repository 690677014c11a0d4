//! What others have written, made fit to be shown: a program under test, a file's name, a compiler that quotes a source.
//!
//! A terminal obeys what it is sent (ECMA-48: C0, DEL and C1), and a text with marks of direction reads otherwise than it is
//! (Unicode Standard Annex 9; CVE-2021-42574). So such a character is never sent as it is. It is not dropped either: it is
//! shown by its number, as Rust writes it, `\u{202e}`.

use serde::Serialize;
use std::fmt::Write as _;
use std::io::{self, Write};

/// Whether a terminal, or a reader, would be led astray by it. Spaces are not: see [`line`] and [`lines`].
pub fn is_hidden(c: char) -> bool {
    let is_direction =
        matches!(c, '\u{061c}' | '\u{200e}' | '\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}');
    // Line and paragraph separator end a line, for some.
    c.is_control() || is_direction || matches!(c, '\u{2028}' | '\u{2029}')
}

/// A text as one line: its ends of line and tabs are spaces.
pub fn line(text: &str) -> String {
    shown(text, |c| matches!(c, '\n' | '\t').then_some(' '))
}

/// A text that may have several lines.
pub fn lines(text: &str) -> String {
    shown(text, |c| matches!(c, '\n' | '\t').then_some(c))
}

/// The same, with the colours of a terminal (SGR, ECMA-48 8.3.117) and nothing else that begins with an escape.
pub fn coloured(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    let mut rest = text;
    while let Some(at) = rest.find("\u{1b}[") {
        let parameters = &rest[at + 2..];
        let end = parameters.find(|c: char| !c.is_ascii_digit() && c != ';').unwrap_or(parameters.len());
        let sequence = if parameters[end..].starts_with('m') { at + 2 + end + 1 } else { at };
        out += &lines(&rest[..at]);
        if sequence > at {
            out += &rest[at..sequence];
            rest = &rest[sequence..];
        } else {
            out += &lines("\u{1b}");
            rest = &rest[at + 1..];
        }
    }
    out + &lines(rest)
}

fn shown(text: &str, keep: impl Fn(char) -> Option<char>) -> String {
    let mut out = String::with_capacity(text.len());
    for c in text.chars() {
        match keep(c) {
            Some(kept) => out.push(kept),
            None if is_hidden(c) => drop(write!(out, "{}", c.escape_unicode())),
            None => out.push(c),
        }
    }
    out
}

/// A writer through which nothing else gets: what comes out is [`coloured`], line by line.
pub struct Shown<W: Write> {
    to: W,
    line: Vec<u8>,
}

impl<W: Write> Shown<W> {
    /// What is written to it goes to `to`. To be flushed at the end.
    pub fn new(to: W) -> Shown<W> {
        Shown { to, line: Vec::new() }
    }

    /// Where it went, once it was flushed.
    pub fn into_inner(self) -> W {
        self.to
    }
}

impl<W: Write> Write for Shown<W> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.line.extend_from_slice(bytes);
        if let Some(end) = self.line.iter().rposition(|byte| *byte == b'\n') {
            let rest = self.line.split_off(end + 1);
            let whole = std::mem::replace(&mut self.line, rest);
            self.to.write_all(coloured(&String::from_utf8_lossy(&whole)).as_bytes())?;
        }
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        let rest = std::mem::take(&mut self.line);
        self.to.write_all(coloured(&String::from_utf8_lossy(&rest)).as_bytes())?;
        self.to.flush()
    }
}

/// Says something on standard error. Where that can't be written to, nobody listens.
pub fn say(text: &str) {
    if !text.is_empty() {
        let _ = writeln!(io::stderr(), "{text}");
    }
}

/// Of a list that somebody else has made long: the first ones, and how many more there are.
pub fn bounded<T>(list: &[T], most: usize) -> (&[T], Option<String>) {
    match list.len().checked_sub(most) {
        None | Some(0) => (list, None),
        Some(more) => (&list[..most], Some(format!("and {more} more"))),
    }
}

/// Words after `first`, each made fit to be shown and kept whole, in lines of `width` columns at most, of which those
/// that follow begin with `rest`. Colours in `first` take no room.
pub fn wrap(first: &str, rest: &str, words: &str, width: usize) -> String {
    let words: Vec<String> = words.split_whitespace().map(line).collect();
    let options =
        textwrap::Options::new(width).initial_indent(first).subsequent_indent(rest).break_words(false);
    textwrap::fill(&words.join(" "), options.word_splitter(textwrap::WordSplitter::NoHyphenation))
}

/// A text of which the beginning is kept where it is too long: at most `most` characters.
pub fn cut(text: &str, most: usize) -> String {
    match text.char_indices().nth(most) {
        None => text.to_owned(),
        Some((at, _)) => format!("{}... and {} more bytes", &text[..at], text.len() - at),
    }
}

/// Writes a value as JSON, indented, in which what [`is_hidden`] stands as JSON's own escape: who parses it has the
/// text as it was, and who prints the file is not led astray.
///
/// # Errors
/// Those of `out`.
pub fn write_json(value: &impl Serialize, out: &mut (impl Write + ?Sized)) -> io::Result<()> {
    let json = serde_json::to_string_pretty(value)?;
    let mut rest = json.as_str();
    // Outside of a string there is none but the ends of line; in one, C0 is escaped already (RFC 8259, 7).
    while let Some((at, c)) = rest.char_indices().find(|(_, c)| is_hidden(*c) && *c != '\n') {
        // All of them lie in the basic plane: one unit of UTF-16 is enough.
        write!(out, "{}\\u{:04x}", &rest[..at], u32::from(c))?;
        rest = &rest[at + c.len_utf8()..];
    }
    writeln!(out, "{rest}")
}

#[cfg(test)]
mod tests {
    use super::*;

    /// One of each kind, and beside them what looks like them and is plain.
    const BAD: &str =
        "a\u{1b}[31m\u{7f}\u{85}\u{9b}31m\u{61c}\u{200e}\u{202e}\u{2066}\u{2069}\u{2028}\u{2029}\0";

    #[test]
    fn what_a_terminal_or_a_reader_would_obey_is_shown_by_its_number() {
        let shown = line(BAD);
        assert!(!shown.chars().any(is_hidden), "{shown}");
        assert!(shown.starts_with(r"a\u{1b}[31m\u{7f}\u{85}\u{9b}31m\u{61c}"), "{shown}");
        assert_eq!(line("é 日本 \u{200d}👩"), "é 日本 \u{200d}👩");
        assert_eq!(line("one\n\ttwo\r"), r"one  two\u{d}");
        assert_eq!(lines("one\n\ttwo\r"), "one\n\ttwo\\u{d}");
    }

    #[test]
    fn of_a_terminals_sequences_colours_alone_stay() {
        assert_eq!(coloured("\u{1b}[1;31mred\u{1b}[0m"), "\u{1b}[1;31mred\u{1b}[0m");
        assert_eq!(coloured("\u{1b}[2Jx\u{1b}]0;t\u{7}\u{9b}31m"), r"\u{1b}[2Jx\u{1b}]0;t\u{7}\u{9b}31m");
        assert_eq!(coloured("x\u{1b}["), r"x\u{1b}[");
    }

    #[test]
    fn nothing_gets_through_a_writer_also_in_pieces() {
        let mut out = Vec::new();
        let mut shown = Shown::new(&mut out);
        for byte in "é\u{1b}[32mgreen\u{1b}[0m\n\u{202e}\u{1b}[2J\nrest\u{85}".as_bytes() {
            shown.write_all(&[*byte]).unwrap();
        }
        shown.flush().unwrap();
        let expected = "é\u{1b}[32mgreen\u{1b}[0m\n\\u{202e}\\u{1b}[2J\nrest\\u{85}";
        assert_eq!(String::from_utf8(out).unwrap(), expected);
    }

    #[test]
    fn words_are_wrapped_by_the_columns_that_they_take() {
        assert_eq!(
            wrap("\u{1b}[31mab\u{1b}[0m ", "   ", "one  two\nthree", 10),
            "\u{1b}[31mab\u{1b}[0m one two\n   three"
        );
        assert_eq!(wrap("", "", "日本 日本", 8), "日本\n日本");
        assert_eq!(wrap("  ", "    ", "much-too-long/for-it x", 6), "  much-too-long/for-it\n    x");
        assert_eq!(wrap("a ", "", "\u{202e}", 80), r"a \u{202e}");
    }

    #[test]
    fn json_holds_the_text_and_none_of_the_characters() {
        let value = serde_json::json!({"list": [BAD, 1, {}], BAD: "\u{202e}"});
        let mut json = Vec::new();
        write_json(&value, &mut json).unwrap();
        let json = String::from_utf8(json).unwrap();
        assert!(!json.chars().any(|c| is_hidden(c) && c != '\n'), "{json}");
        assert!(json.contains(r"\u202e") && json.contains(r"\u009b31m"), "{json}");
        assert_eq!(serde_json::from_str::<serde_json::Value>(&json).unwrap(), value);
        // Where there is nothing to escape it is the form that it always was.
        let plain = serde_json::json!({"a": [1, {"b": null}], "c": [], "d": {}});
        let mut json = Vec::new();
        write_json(&plain, &mut json).unwrap();
        assert_eq!(String::from_utf8(json).unwrap(), serde_json::to_string_pretty(&plain).unwrap() + "\n");
    }

    #[test]
    fn a_list_that_somebody_lengthened_is_cut() {
        assert_eq!(bounded(&[1, 2], 2), (&[1, 2][..], None));
        assert_eq!(bounded(&[1, 2, 3, 4], 2), (&[1, 2][..], Some("and 2 more".into())));
        assert_eq!(cut("ééé", 3), "ééé");
        assert_eq!(cut("ééé", 1), "é... and 4 more bytes");
    }
}
