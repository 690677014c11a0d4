//! Wraps text with a terminal's colours into lines of a page. Of escape sequences only colours get through.

use crate::text::line;
use anstyle_parse::{DefaultCharAccumulator, Params, ParamsIter, Parser, Perform};
use ratatui_core::style::{Color, Modifier, Style};
use ratatui_core::text::{Line, Span};
use std::borrow::Cow;
use std::iter;
use textwrap::core::Word;
use textwrap::{Options, WordSeparator, WordSplitter};

/// The lines of a text, each wrapped to `width` columns: between words, or anywhere in text whose columns must stay
/// aligned, as in compiler messages.
pub fn lines(text: &str, width: usize, by_words: bool, colours: bool) -> Vec<Line<'static>> {
    let mut pen = Pen { lines: vec![Vec::new()], style: Style::new(), colours };
    let mut parser = Parser::<DefaultCharAccumulator>::new();
    text.bytes().for_each(|byte| parser.advance(&mut pen, byte));
    if pen.lines.last().is_some_and(Vec::is_empty) {
        pen.lines.pop();
    }
    pen.lines.iter().flat_map(|line| wrap(line, width.max(1), by_words)).collect()
}

type Cell = (char, Style);

struct Pen {
    lines: Vec<Vec<Cell>>,
    style: Style,
    colours: bool,
}

impl Pen {
    fn put(&mut self, c: char) {
        if let Some(line) = self.lines.last_mut() {
            line.push((c, self.style));
        }
    }
}

impl Perform for Pen {
    fn print(&mut self, c: char) {
        line(c.encode_utf8(&mut [0; 4])).chars().for_each(|c| self.put(c));
    }

    fn execute(&mut self, byte: u8) {
        match byte {
            b'\n' => self.lines.push(Vec::new()),
            b'\t' => (0..4).for_each(|_| self.put(' ')),
            _ => {}
        }
    }

    fn csi_dispatch(&mut self, params: &Params, intermediates: &[u8], ignored: bool, action: u8) {
        if action == b'm' && intermediates.is_empty() && !ignored {
            self.style = select(self.style, params.iter(), self.colours);
        }
    }
}

/// Select Graphic Rendition (ECMA-48, console_codes(4)): the part that rustc and cargo use.
fn select(mut style: Style, mut params: ParamsIter, colours: bool) -> Style {
    let fg = |style: Style, colour| if colours { style.fg(colour) } else { style };
    while let Some(param) = params.next() {
        style = match param.first().copied().unwrap_or(0) {
            0 => Style::new(),
            1 => style.add_modifier(Modifier::BOLD),
            2 => style.add_modifier(Modifier::DIM),
            3 => style.add_modifier(Modifier::ITALIC),
            4 => style.add_modifier(Modifier::UNDERLINED),
            22 => style.remove_modifier(Modifier::BOLD | Modifier::DIM),
            code @ 30..=37 => fg(style, Color::Indexed((code - 30) as u8)),
            code @ 90..=97 => fg(style, Color::Indexed((code - 90 + 8) as u8)),
            39 => Style { fg: None, ..style },
            // 38;5;N: one of 256 colours.
            38 => match (params.next(), params.next()) {
                (Some([5]), Some([number])) => fg(style, Color::Indexed(*number as u8)),
                _ => style,
            },
            _ => style,
        };
    }
    style
}

fn wrap(cells: &[Cell], width: usize, by_words: bool) -> Vec<Line<'static>> {
    // Continued lines keep the indentation.
    let indentation = cells.iter().take_while(|cell| cell.0 == ' ').count();
    let indentation = " ".repeat(if by_words && indentation + 8 < width { indentation } else { 0 });
    let separator = if by_words { WordSeparator::AsciiSpace } else { WordSeparator::Custom(one_word) };
    let options = Options::new(width).subsequent_indent(&indentation).word_separator(separator);
    let text: String = cells.iter().map(|cell| cell.0).collect();
    let mut rest = cells;
    let lines = textwrap::wrap(&text, options.word_splitter(WordSplitter::NoHyphenation));
    let line = |(number, line): (usize, &Cow<str>)| {
        let begin = if number == 0 { "" } else { indentation.as_str() };
        // The spaces at which it is wrapped are in no line.
        let spaces = rest.iter().take_while(|cell| cell.0 == ' ' && by_words && number > 0).count();
        let (cells, after) = rest[spaces..].split_at(line[begin.len()..].chars().count());
        rest = after;
        spans(begin, cells)
    };
    lines.iter().enumerate().map(line).collect()
}

fn one_word(line: &str) -> Box<dyn Iterator<Item = Word<'_>> + '_> {
    Box::new(iter::once(Word::from(line)))
}

fn spans(begin: &str, cells: &[Cell]) -> Line<'static> {
    let mut spans: Vec<Span<'static>> = Vec::new();
    if !begin.is_empty() {
        spans.push(Span::raw(begin.to_owned()));
    }
    for (c, style) in cells {
        match spans.last_mut() {
            Some(last) if last.style == *style => last.content.to_mut().push(*c),
            _ => spans.push(Span::styled(c.to_string(), *style)),
        }
    }
    Line::from(spans)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn plain(text: &str, width: usize, by_words: bool) -> Vec<String> {
        lines(text, width, by_words, true).iter().map(|line| line.to_string().trim_end().to_owned()).collect()
    }

    #[test]
    fn words_are_kept_whole_where_they_fit() {
        assert_eq!(
            plain("one two three\n\n  four five", 8, true),
            ["one two", "three", "", "  four", "five"]
        );
        assert_eq!(plain("    one two three four", 15, true), ["    one two", "    three four"]);
        assert_eq!(plain("one two", 5, false), ["one t", "wo"]);
        assert_eq!(plain("longerthanaline", 6, true), ["longer", "thanal", "ine"]);
        assert_eq!(plain("日本語 日本", 7, true), ["日本語", "日本"]);
        assert_eq!(plain("  a  b  c", 5, false), ["  a", "b  c"]);
        assert_eq!(plain("", 5, true), Vec::<String>::new());
    }

    #[test]
    fn only_colours_get_through() {
        let text = "\u{1b}[1m\u{1b}[38;5;9merror\u{1b}[0m: a\u{1b}[2Jb\u{1b}]0;title\u{7}c\r\u{8}";
        let found = lines(text, 80, false, true);
        assert_eq!(found.len(), 1);
        assert_eq!(found[0].to_string(), "error: abc");
        let error = &found[0].spans[0];
        assert_eq!(error.content, "error");
        assert_eq!(error.style.fg, Some(Color::Indexed(9)));
        assert!(error.style.add_modifier.contains(Modifier::BOLD));
        assert_eq!(lines(text, 80, false, false)[0].spans[0].style.fg, None);
    }
}
