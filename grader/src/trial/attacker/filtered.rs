//! Calls for which a system-call filter killed the attacker in an earlier start.
//!
//! A filter that kills for one way of an attack is no wall, where another way is open. But who is dead tries no other way. So
//! the program is started again, and there the call is left out, as if it had been refused (EPERM).

use crate::random::random_word;
use attempts::attacker::{Argument, Call};
use std::collections::{BTreeMap, BTreeSet};
use std::fmt;

/// So many starts serve one attempt: none has so many ways.
const MOST: usize = 64;

/// From here on a number may be one that the host has given to something: a process, a port, a segment.
const GIVEN: i64 = 256;

/// What a filter can read of a call: its number, and the arguments that are no pointers (seccomp(2)).
type Readable = (&'static str, i64, Vec<Option<i64>>);

/// The calls that are left out.
#[derive(Clone, Debug, Default)]
pub struct Filtered {
    /// Of each the number of forms, from the first on, that are known to kill.
    calls: BTreeMap<Readable, usize>,
    starts: usize,
    /// Calls whose first form a child has survived.
    harmless: BTreeSet<Readable>,
    /// Numbers that are others at each start.
    given: BTreeSet<i64>,
    /// What the attacker leaves to chance, the same at each start.
    choice: String,
}

impl Filtered {
    /// The numbers among these words are others at each start: what the attacker knows of its host.
    pub fn give<'w>(&mut self, words: impl Iterator<Item = &'w str>) {
        self.given = words.filter_map(|word| word.parse().ok()).filter(|number| *number >= GIVEN).collect();
    }

    /// How many forms of a call kill, from the first on. Another may point to other bytes: a filter can't read them.
    pub fn forms(&self, call: &Call) -> usize {
        self.calls.get(&self.readable(call)).copied().unwrap_or(0)
    }

    /// Whether a filter is known to kill for some call, and not known to let this one live.
    pub fn may_kill(&self, call: &Call) -> bool {
        !self.calls.is_empty() && !self.harmless.contains(&self.readable(call))
    }

    /// A child has survived a call in its first form.
    pub fn lets_live(&mut self, call: &Call) {
        let call = self.readable(call);
        self.harmless.insert(call);
    }

    /// A random word by which the attacker chooses among numbers that serve.
    ///
    /// # Errors
    /// There are no random numbers.
    pub fn choice(&mut self) -> anyhow::Result<&str> {
        if self.choice.is_empty() {
            self.choice = random_word(16)?;
        }
        Ok(&self.choice)
    }

    /// One form more kills. False where there are too many: then the filter is another at each start.
    pub fn add(&mut self, call: &Call) -> bool {
        let call = self.readable(call);
        *self.calls.entry(call).or_default() += 1;
        self.starts += 1;
        self.starts <= MOST
    }

    fn readable(&self, call: &Call) -> Readable {
        let number = |argument: &Argument| argument.number().filter(|number| !self.given.contains(number));
        (call.name, call.number, call.arguments.iter().map(number).collect())
    }
}

/// A filter killed the command for a call that is none of the attempt's own.
#[derive(Debug)]
pub struct KilledFor(pub Call);

impl fmt::Display for KilledFor {
    fn fmt(&self, to: &mut fmt::Formatter) -> fmt::Result {
        write!(to, "a filter killed the command before the attempt, for {}", self.0)
    }
}

impl std::error::Error for KilledFor {}

#[cfg(test)]
mod tests {
    use super::*;

    fn open(path: &str, flags: i64) -> Call {
        Call { name: "openat", number: 257, arguments: vec![Argument::text(path), flags.into()] }
    }

    #[test]
    fn a_call_is_known_by_what_a_filter_can_read() {
        let mut filtered = Filtered::default();
        assert!(filtered.add(&open("/one", 2)));
        assert_eq!((filtered.forms(&open("/other", 2)), filtered.forms(&open("/one", 3))), (1, 0));
    }

    #[test]
    fn a_process_of_the_hosts_has_another_number_at_each_start() {
        let kill = |pid: i64| Call { name: "kill", number: 62, arguments: vec![pid.into(), 15.into()] };
        let mut filtered = Filtered::default();
        filtered.give(["4711", "15", "word"].into_iter());
        assert!(filtered.add(&kill(4711)));
        filtered.give(["4712"].into_iter());
        assert_eq!((filtered.forms(&kill(4712)), filtered.forms(&kill(4711))), (1, 0));
    }

    #[test]
    fn there_is_an_end_to_it() {
        let mut filtered = Filtered::default();
        assert_eq!((0..).take_while(|flags| filtered.add(&open("/one", *flags))).count(), MOST);
    }
}
