//! Who connected as the probe and was not believed. A program may connect without end, by paths without end.

use crate::text;

/// So many are told, and of each so many characters.
const TOLD: usize = 3;
const MAX_CHARS: usize = 200;

/// Why they were not believed: the first ones, and how many more there were.
#[derive(Debug, Default)]
pub struct Refusals {
    told: Vec<String>,
    more: usize,
}

impl Refusals {
    /// Notes one.
    pub(super) fn note(&mut self, why: &str) {
        if self.told.len() < TOLD {
            self.told.push(text::cut(why, MAX_CHARS));
        } else {
            self.more += 1;
        }
    }

    /// The first one.
    pub fn first(&self) -> Option<&str> {
        self.told.first().map(String::as_str)
    }

    /// One line each, and one for those that are not told.
    pub fn lines(&self) -> impl Iterator<Item = String> {
        let more = (self.more > 0).then(|| format!("{} more connections were refused", self.more));
        self.told.iter().cloned().chain(more)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_are_told_and_the_others_are_counted() {
        let mut refusals = Refusals::default();
        assert_eq!(refusals.lines().count(), 0);
        for _ in 0..20_000 {
            refusals.note(&"x".repeat(4096));
        }
        let lines: Vec<String> = refusals.lines().collect();
        assert_eq!(lines.len(), TOLD + 1);
        assert_eq!(lines[TOLD], "19997 more connections were refused");
        assert!(lines.iter().map(String::len).sum::<usize>() < 1000, "{lines:?}");
        assert_eq!(refusals.first(), Some(lines[0].as_str()));
    }
}
