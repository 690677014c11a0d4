//! Calls and arguments in words, and a hand for tests.

use super::numbers::{VARIED, combined};
use super::*;

/// A hand that refuses some calls, and notes what was asked of it.
pub struct Refuses<F>(pub F, pub Vec<Call>);

impl<F: Fn(&Call) -> Option<Errno>> Hand for Refuses<F> {
    fn call(&mut self, call: &Call) -> Result<Returned, Failed> {
        self.1.push(call.clone());
        (self.0)(call).map_or(Ok(Returned { value: 3, rooms: Vec::new() }), |errno| Err(errno.into()))
    }

    fn is_filtered(&mut self) -> bool {
        true
    }

    fn duplicate(&mut self, _: i32) -> Result<OwnedFd, Failed> {
        Err(Errno::EBADF.into())
    }

    fn file_system(&mut self, _: i32) -> Result<Option<String>, Failed> {
        Ok(Some("tmpfs".into()))
    }

    fn memory(&mut self, _: i64, length: usize) -> Result<Vec<u8>, Failed> {
        Ok(vec![0; length])
    }

    fn descriptors(&mut self) -> Result<Vec<i32>, Failed> {
        Ok(Vec::new())
    }

    fn follow(&mut self, _: i32) -> Result<(), Failed> {
        Ok(())
    }

    fn call_i386(&mut self, call: &Call) -> Result<Returned, Failed> {
        self.call(call)
    }

    fn spin(&mut self, _: Duration) -> Result<(), Failed> {
        Ok(())
    }
}

#[test]
fn a_call_is_written_as_strace_writes_it() {
    let arguments =
        vec![Argument::text("ma\"rk"), Argument::from(-1), Argument::from(0x1000), Argument::room(4)];
    let call = Call { name: "mount", number: 165, arguments };
    assert_eq!(call.to_string(), r#"mount("ma\"rk", -1, 0x1000, _)"#);
}

#[test]
fn harmless_flags_differ_from_attempt_to_attempt() {
    let of = |mark: &str| {
        Attacker::new(&mut Refuses(|_: &Call| None, Vec::new()), mark, &[]).some_of(&[1, 2, 4, 8])
    };
    assert_eq!((of("00000005ffff"), of("0000000affff"), of("no word")), (5, 10, 0));
}

#[test]
fn what_serves_is_known_or_chosen() {
    let hand = &mut Refuses(|_: &Call| None, Vec::new());
    let given = [("choice".to_owned(), "00000005ffff".to_owned())];
    let me = Attacker::new(hand, "mark", &given);
    let varied = me.varied(&[16, 32], &[1, 2, 4, 8]);
    assert_eq!((varied.len(), &varied[..3]), (2 + VARIED, &[16, 32, 16 | 5][..]));
    let mut picked = me.any_of(&[1, 2, 3, 4], 9);
    picked.sort();
    assert_eq!(picked, [1, 2, 3, 4]);
    assert_eq!(combined(&[1, 8]).collect::<Vec<_>>(), [0, 1, 8, 9]);
}

#[test]
fn a_text_ends_at_its_first_nul() {
    assert_eq!(Argument::text("a\0b"), Argument::Text(c"a".to_owned()));
}
