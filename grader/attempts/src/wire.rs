//! The words that probe and host exchange: one line each, over a stream socket.
//!
//! ```text
//! probe connects                     the kernel tells the host which process that is
//! host   <key> <check> <mark> ...    do this check; name=value words tell what it may know
//! probe  <key> try <what>            I am about to make the decisive call
//! probe  <key> out <hex>             I brought this out
//! probe  <key> got <errno> <text>    the call is over; 0 is success
//! probe  <key> not <errno> <text>    I never reached it
//! host   <key> <check> <mark>        the next one, or
//! host   <key> exit <status>         write the mark to standard output and exit with this status
//! ```
//! Every answer carries the key of its question, which only the process that was asked has read.

use std::fmt::Write;

/// What the host asks.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Question {
    /// A random word; each answer begins with it.
    pub key: String,
    /// The id of a check, or [`EXIT`].
    pub check: String,
    /// A random word that the check may use.
    pub mark: String,
    /// What an attacker may know of the host: names and values, without spaces.
    pub given: Vec<(String, String)>,
}

/// The question that ends the probe.
pub const EXIT: &str = "exit";

/// What the probe answers.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Answer {
    /// About to make the decisive call.
    Try(String),
    /// Something that the attacker brought out.
    Out(Vec<u8>),
    /// The call is over: its errno (0 for success), and a text.
    Got(i32, String),
    /// The decisive call was never reached.
    Not(i32, String),
}

impl Question {
    /// The line, with its end.
    pub fn line(&self) -> String {
        let mut line = format!("{} {} {}", self.key, self.check, self.mark);
        for (name, value) in &self.given {
            line.push_str(&format!(" {name}={value}"));
        }
        line.push('\n');
        line
    }

    /// Reads a line without its end.
    pub fn parse(line: &str) -> Option<Question> {
        let mut words = line.split(' ');
        let mut word = || words.next().map(str::to_owned);
        let (key, check, mark) = (word()?, word()?, word()?);
        let pair = |word: &str| word.split_once('=').map(|(name, value)| (name.to_owned(), value.to_owned()));
        Some(Question { key, check, mark, given: words.filter_map(pair).collect() })
    }
}

impl Answer {
    /// The line, with its end.
    pub fn line(&self, key: &str) -> String {
        let one_line = |text: &str| text.replace(['\n', '\r'], " ");
        match self {
            Answer::Try(what) => format!("{key} try {}\n", one_line(what)),
            Answer::Out(bytes) => format!("{key} out {}\n", to_hex(bytes)),
            Answer::Got(errno, text) => format!("{key} got {errno} {}\n", one_line(text)),
            Answer::Not(errno, text) => format!("{key} not {errno} {}\n", one_line(text)),
        }
    }

    /// Reads a line without its end. An answer to another question is none.
    pub fn parse(key: &str, line: &str) -> Option<Answer> {
        let (word, rest) = line.strip_prefix(key)?.strip_prefix(' ')?.split_once(' ')?;
        let number = || {
            let (number, text) = rest.split_once(' ').unwrap_or((rest, ""));
            Some((number.parse().ok()?, text.to_owned()))
        };
        Some(match word {
            "try" => Answer::Try(rest.to_owned()),
            "out" => Answer::Out(from_hex(rest)?),
            "got" => number().map(|(errno, text)| Answer::Got(errno, text))?,
            "not" => number().map(|(errno, text)| Answer::Not(errno, text))?,
            _ => return None,
        })
    }
}

/// Bytes as hexadecimal digits.
pub fn to_hex(bytes: &[u8]) -> String {
    bytes.iter().fold(String::new(), |mut text, byte| {
        let _ = write!(text, "{byte:02x}");
        text
    })
}

/// The bytes again; none where a character is no digit.
pub fn from_hex(text: &str) -> Option<Vec<u8>> {
    if !text.is_ascii() || text.len() % 2 == 1 {
        return None;
    }
    (0..text.len()).step_by(2).map(|at| u8::from_str_radix(&text[at..at + 2], 16).ok()).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_question_comes_out_as_it_went_in() {
        let given = vec![("victim".to_owned(), "3".to_owned())];
        let question = Question { key: "k".into(), check: "mount".into(), mark: "m".into(), given };
        assert_eq!(Question::parse(question.line().trim_end()), Some(question));
    }

    #[test]
    fn an_answer_comes_out_as_it_went_in() {
        for answer in [
            Answer::Try("open(\"/dev/sda\")".into()),
            Answer::Out(vec![0, 255, 10]),
            Answer::Out(vec![]),
            Answer::Got(0, String::new()),
            Answer::Not(2, "no shell".into()),
        ] {
            assert_eq!(Answer::parse("k", answer.line("k").trim_end_matches('\n')), Some(answer));
        }
    }

    #[test]
    fn an_answer_without_the_key_is_none() {
        assert_eq!(Answer::parse("key", "other got 1 EPERM"), None);
        assert_eq!(Answer::parse("key", "keyx got 1 EPERM"), None);
        assert_eq!(Answer::parse("key", "key out 0"), None);
    }
}
