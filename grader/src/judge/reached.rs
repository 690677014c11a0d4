//! The highest lab that a target passes.

use crate::report::{Check, CheckKind};
use attempts::attempts::ALL as ATTEMPTS;
use attempts::works::ALL as WORKS;

/// The highest lab such that every check that it and the labs before it require passes: attempts are BLOCKED, or can't
/// be judged on this machine; works checks are WORKS. None where lab 0 does not pass, or where not all of its checks
/// were run.
pub fn reached(checks: &[Check]) -> Option<usize> {
    let highest = asked_by_labs().map(|(lab, ..)| lab).max()?;
    (0..=highest).take_while(|lab| holds(checks, *lab)).last()
}

/// Whether all checks that lab 0 requires were run; otherwise `reached` has no meaning.
pub fn was_asked(checks: &[Check]) -> bool {
    asked_by_labs()
        .filter(|(first, ..)| *first == 0)
        .all(|(_, kind, id)| checks.iter().any(|check| check.kind == kind && check.id == id))
}

/// Whether all checks pass that this lab is the first to require.
fn holds(checks: &[Check], lab: usize) -> bool {
    asked_by_labs().filter(|(first, ..)| *first == lab).all(|(_, kind, id)| {
        let check = checks.iter().find(|check| check.kind == kind && check.id == id);
        // Works checks need a verdict: a machine on which nothing can be judged shows nothing.
        check.is_some_and(|check| {
            check.is_green() || kind == CheckKind::Attempt && check.is_unjudgeable_here()
        })
    })
}

/// Every check: the first lab that requires it, its kind, its name.
fn asked_by_labs() -> impl Iterator<Item = (usize, CheckKind, &'static str)> {
    let attempts = ATTEMPTS.iter().map(|it| (it.first_lab(), CheckKind::Attempt, it.id));
    // What labs alone are asked for does not tell how far another program has come.
    let works = WORKS.iter().filter(|it| it.is_asked_of(None));
    attempts.chain(works.map(|it| (it.first_lab, CheckKind::Works, it.id)))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::judge::verdict::Outcome;
    use crate::report::Cause;

    /// All checks, each passed.
    fn green() -> Vec<Check> {
        let check = |(_, kind, id)| {
            let outcome =
                if kind == CheckKind::Works { Outcome::Works } else { Outcome::Blocked(String::new()) };
            outcome.check(id, kind, None)
        };
        asked_by_labs().map(check).collect()
    }

    /// The same, except for one of them.
    fn but(id: &str, outcome: Outcome) -> Vec<Check> {
        let mut checks = green();
        let it = checks.iter_mut().find(|check| check.id == id).unwrap();
        *it = outcome.check(id, it.kind, None);
        checks
    }

    fn highest() -> Option<usize> {
        asked_by_labs().map(|(lab, ..)| lab).max()
    }

    #[test]
    fn what_falls_short_stops_at_the_lab_before() {
        let escaped = || Outcome::Escaped(String::new());
        assert_eq!(reached(&green()), highest());
        assert_eq!(reached(&but("host-tree", escaped())), Some(2));
        assert_eq!(reached(&but("raw-disk", escaped())), Some(1));
        assert_eq!(reached(&but("reboot", escaped())), Some(0));
        assert_eq!(reached(&but("cwd-outside-root", escaped())), None);
        assert_eq!(reached(&but("console", Outcome::Fails(String::new()))), Some(1));
        assert_eq!(reached(&but("no-other-program", Outcome::Fails(String::new()))), None);
    }

    #[test]
    fn an_attempt_is_no_hindrance_where_the_machine_cannot_judge_it() {
        let nothing = |cause| Outcome::Inconclusive(cause, String::new());
        assert_eq!(reached(&but("raw-disk", nothing(Cause::Machine))), highest());
        assert_eq!(reached(&but("raw-disk", nothing(Cause::Target))), Some(1));
        assert_eq!(reached(&but("raw-disk", nothing(Cause::Waiting))), Some(1));
        // No decoy host: no works check has a verdict.
        assert_eq!(reached(&but("starts", nothing(Cause::Machine))), None);
    }

    #[test]
    fn what_was_not_run_is_not_reached() {
        let only = |keep: fn(&Check) -> bool| green().into_iter().filter(keep).collect::<Vec<_>>();
        assert_eq!(reached(&[]), None);
        assert_eq!(reached(&only(|check| check.kind == CheckKind::Attempt)), None);
        assert_eq!(reached(&only(|check| check.id != "mount")), Some(0));
    }
}
