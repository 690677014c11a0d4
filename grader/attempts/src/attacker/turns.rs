//! A stake and something of the attacker's own, tried in turns: what refuses the one and not the other has looked at it.

use super::{Attacker, Failed};
use nix::errno::Errno;
use std::hash::{BuildHasher, RandomState};

/// So often it is tried after the first refusal, each time the stake or its own by chance: who refuses without a look is
/// right by luck, once in 2 to this power.
const TURNS: u32 = 10;

/// Why a refusal then counts for nothing.
pub const UNSTEADY: &str = "what is its own was refused at one time and not at another";

/// What came of it.
#[derive(Debug, PartialEq, Eq)]
pub enum Turns<T> {
    /// The stake was reached.
    Reached(T),
    /// It never was, and what is its own always.
    Refused,
    /// What is its own was refused, and had not been before.
    Unsteady,
    /// What is its own was refused from the beginning.
    NotItsOwn(Errno),
}

impl Attacker<'_> {
    /// Tries its own, then the stake; and where that is refused and there is a filter, both again in an order that nobody can
    /// have known.
    ///
    /// # Errors
    /// One of the two failed, and was not refused.
    pub fn in_turns<T>(
        &mut self,
        own: impl FnMut(&mut Self) -> Result<(), Failed>,
        stake: impl FnMut(&mut Self) -> Result<T, Failed>,
    ) -> Result<Turns<T>, Failed> {
        let turns = if self.hand.is_filtered() { TURNS } else { 0 };
        in_turns(self, (turns, by_chance()), own, stake)
    }

    /// Does something, and where it is forbidden does it again, nobody can know how often: what is forbidden at one time and
    /// not at another is not forbidden.
    ///
    /// # Errors
    /// Those of the last time.
    pub fn again<T>(&mut self, mut act: impl FnMut(&mut Self) -> Result<T, Failed>) -> Result<T, Failed> {
        let times = if self.hand.is_filtered() { TURNS + by_chance().count_ones() % TURNS } else { 0 };
        for _ in 0..times {
            match act(self) {
                Err(failed) if failed.forbids() => {}
                other => return other,
            }
        }
        act(self)
    }
}

/// A number that nobody can have known.
fn by_chance() -> u64 {
    RandomState::new().hash_one(0)
}

fn in_turns<A, T>(
    who: &mut A,
    (turns, order): (u32, u64),
    mut own: impl FnMut(&mut A) -> Result<(), Failed>,
    mut stake: impl FnMut(&mut A) -> Result<T, Failed>,
) -> Result<Turns<T>, Failed> {
    let turns = (0..turns).map(|nth| order >> nth & 1 == 1);
    let mut had_its_own = false;
    for is_stake in [false, true].into_iter().chain(turns) {
        if is_stake {
            match stake(who) {
                Ok(reached) => return Ok(Turns::Reached(reached)),
                Err(Failed::Refused(_)) => {}
                Err(other) => return Err(other),
            }
        } else {
            match own(who) {
                Ok(()) => had_its_own = true,
                Err(Failed::Refused(_)) if had_its_own => return Ok(Turns::Unsteady),
                Err(Failed::Refused(errno)) => return Ok(Turns::NotItsOwn(errno)),
                Err(other) => return Err(other),
            }
        }
    }
    Ok(Turns::Refused)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// What comes of it where this decides about each try, by its number and by whether it is one of the stake.
    fn tried(order: u64, mut allows: impl FnMut(u32, bool) -> bool) -> Turns<u32> {
        let mut count = 0;
        let mut answer = |count: &mut u32, is_stake| {
            *count += 1;
            if allows(*count, is_stake) { Ok(*count) } else { Err(Failed::Refused(Errno::EACCES)) }
        };
        let answer = std::cell::RefCell::new(&mut answer);
        let own = |count: &mut u32| (answer.borrow_mut())(count, false).map(drop);
        let stake = |count: &mut u32| (answer.borrow_mut())(count, true);
        in_turns(&mut count, (TURNS, order), own, stake).unwrap()
    }

    #[test]
    fn only_who_looks_refuses() {
        for order in 0..1 << TURNS {
            assert_eq!(tried(order, |_, is_stake| !is_stake), Turns::Refused);
            assert_eq!(tried(order, |_, _| true), Turns::Reached(2));
            assert_eq!(tried(order, |_, _| false), Turns::NotItsOwn(Errno::EACCES));
        }
    }

    #[test]
    fn who_counts_is_right_in_one_order_only() {
        let fooled = |order: &u64| tried(*order, |count, _| count % 2 == 1) == Turns::Refused;
        assert_eq!((0..1 << TURNS).filter(fooled).count(), 1);
    }
}
