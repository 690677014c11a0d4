//! Numbers that nobody can have known. A system-call filter reads the numbers of a call, and one that forbids those that an
//! attempt is known to use is no wall, where others do the same.

use super::{Attacker, Failed};
use crate::rules::Rule;

/// With so many combinations of harmless flags a call is made that is forbidden with those that an attempt is known to use.
pub(super) const VARIED: usize = 3;

impl Attacker<'_> {
    /// Makes a call with one number after another, such as its flags, until one is not forbidden: a system-call filter reads
    /// numbers, and one that forbids those of this attempt alone is no wall.
    ///
    /// # Errors
    /// Those of the last call.
    pub fn with_each<T>(
        &mut self,
        numbers: impl IntoIterator<Item = i32>,
        mut call: impl FnMut(&mut Self, i32) -> Result<T, Failed>,
    ) -> Result<T, Failed> {
        let mut last = Err(Failed::GaveUp("it knows no way".into()));
        for number in numbers {
            last = call(self, number);
            let forbidden = last.as_ref().is_err_and(Failed::forbids);
            if !forbidden || !self.rules.holds(Rule::EachNumber) {
                break;
            }
        }
        last
    }

    /// Some of these flags, which make no difference to the attempt: which of them, nobody can have known. A system-call filter
    /// that forbids the numbers that an attempt is known to use is no wall.
    pub fn some_of(&self, harmless: &[i32]) -> i32 {
        flags_of(self.chosen(0), harmless)
    }

    /// Numbers that serve, and then some of them with other flags that make no difference: see [`Attacker::some_of`].
    pub fn varied(&self, known: &[i32], harmless: &[i32]) -> Vec<i32> {
        let others =
            (0..VARIED).map(|nth| known[nth % known.len()] | flags_of(self.chosen(nth as u64), harmless));
        known.iter().copied().chain(others).collect()
    }

    /// So many of these, which all serve.
    pub fn any_of(&self, all: &[i32], count: usize) -> Vec<i32> {
        let mut left = all.to_vec();
        let picked = (0..count.min(all.len()) as u64).map(|nth| {
            let at = self.chosen(nth) % left.len() as u64;
            left.swap_remove(at as usize)
        });
        picked.collect()
    }

    /// A random number, the nth of this attempt. It is the same at each start of the program, so that the calls for which a
    /// filter kills can be left out.
    pub fn chosen(&self, nth: u64) -> u64 {
        let word = Some(self.given("choice")).filter(|word| !word.is_empty()).unwrap_or(self.mark);
        let first = u64::from_str_radix(word.get(..8).unwrap_or_default(), 16).unwrap_or_default();
        // As in splitmix64, but for the first.
        let next = first.wrapping_add(nth.wrapping_mul(0x9e37_79b9_7f4a_7c15));
        let mixed = (next ^ next >> 30).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        if nth == 0 { first } else { mixed ^ mixed >> 31 }
    }
}

/// All combinations of a few flags, beginning with none.
pub fn combined(flags: &[i32]) -> impl Iterator<Item = i32> {
    (0..1_u64 << flags.len()).map(|chosen| flags_of(chosen, flags))
}

fn flags_of(chosen: u64, flags: &[i32]) -> i32 {
    let flags = flags.iter().enumerate().filter(|(nth, _)| chosen >> nth & 1 == 1);
    flags.fold(0, |all, (_, flag)| all | flag)
}
