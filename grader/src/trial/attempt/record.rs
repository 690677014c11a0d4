//! What the kernel told of the attacker's calls, and what of it counts.

use crate::trial::attacker::hand::Made;
use crate::trial::facts::{Facts, SeenCall};
use attempts::Host;
use attempts::attacker::Failed;
use attempts::attempts::Attempt;
use attempts::refusals::Refusal;
use nix::errno::Errno;
use nix::libc;

/// Notes the calls, and the decisive one among them.
pub fn record(facts: &mut Facts, attempt: &Attempt, made: &[Made], result: Result<(), Failed>) {
    facts.evidence.extend(made.chunk_by(|one, next| one.call == next.call).filter_map(in_words));
    if attempt.decisive.is_empty() {
        facts.seen_call = SeenCall::Property;
        return;
    }
    let decisive = |made: &&Made| attempt.decides(made.call.number);
    // A refusal is one of the last call; a success was of any.
    let last = match result {
        Ok(()) => made.iter().rev().find(decisive),
        Err(_) => made.last().filter(decisive),
    };
    match (result, last) {
        (Err(Failed::GaveUp(why)), _) => facts.gave_up = Some(why),
        (_, None) => facts.gave_up = made.last().map(|last| format!("{} failed", last.call)),
        (result, Some(last)) => {
            facts.tried = Some(last.call.to_string());
            facts.seen_call = SeenCall::Begun;
            match result {
                Ok(()) => {
                    facts.seen_call = SeenCall::Returned(last.returned.unwrap_or(0));
                    facts.got = Some((0, String::new()));
                }
                Err(Failed::Refused(_)) if last.left_out => facts.killed_by = Some(libc::SIGSYS),
                Err(Failed::Refused(errno)) => {
                    facts.seen_call = SeenCall::Returned(-i64::from(errno as i32));
                    facts.got = Some((errno as i32, errno.to_string()));
                }
                Err(Failed::Filtered) => facts.killed_by = Some(libc::SIGSYS),
                Err(Failed::Ended | Failed::GaveUp(_)) => {}
            }
        }
    }
}

/// A call as strace(1) writes it; of the same call made over and over the last, and how often it was made.
fn in_words(alike: &[Made]) -> Option<String> {
    let Made { call, returned, left_out } = alike.last()?;
    let times = if alike.len() > 1 { format!("{} times: ", alike.len()) } else { String::new() };
    Some(match returned {
        None if *left_out => format!("{times}{call}: a filter kills for it"),
        None => format!("{times}{call} did not return"),
        Some(value @ ..0) => format!("{times}{call} = -1 {}", Errno::from_raw(-value as i32)),
        Some(value) => format!("{times}{call} = {value}"),
    })
}

/// A refusal counts only if the host finds what refused, and so does a success without effect.
pub fn explain(facts: &mut Facts, refusal: Refusal, host: &Host) {
    let explained = match facts.seen_call {
        SeenCall::Returned(value @ ..0) => refusal.explain(Errno::from_raw(-value as i32), host),
        SeenCall::Returned(_) => refusal.explain_success(host),
        SeenCall::None | SeenCall::Property | SeenCall::Begun => return,
    };
    match explained {
        Ok(why) => facts.evidence.push(why),
        Err(why) => facts.unexplained = Some(why),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use attempts::attacker::{Argument, Call};

    fn made(name: &'static str, number: i64, returned: Option<i64>) -> Made {
        Made { call: Call { name, number, arguments: vec![Argument::Number(1)] }, returned, left_out: false }
    }

    fn recorded(made: &[Made], result: Result<(), Failed>) -> Facts {
        let mut facts = Facts::default();
        record(&mut facts, Attempt::find("mount").unwrap(), made, result);
        facts
    }

    #[test]
    fn only_the_last_call_can_be_refused() {
        let [mkdir, mount] =
            [made("mkdirat", libc::SYS_mkdirat, Some(-30)), made("mount", libc::SYS_mount, Some(-1))];
        let refused = recorded(&[mkdir.clone(), mount.clone()], Err(Errno::EPERM.into()));
        assert_eq!((refused.seen_call, refused.tried), (SeenCall::Returned(-1), Some("mount(1)".into())));
        let before = recorded(&[mount, mkdir], Err(Errno::EROFS.into()));
        assert_eq!((before.seen_call, before.gave_up), (SeenCall::None, Some("mkdirat(1) failed".into())));
    }

    #[test]
    fn an_end_is_no_refusal_and_a_filter_is() {
        let calls = [made("mount", libc::SYS_mount, None)];
        let ended = recorded(&calls, Err(Failed::Ended));
        assert_eq!((ended.seen_call, ended.killed_by), (SeenCall::Begun, None));
        assert_eq!(recorded(&calls, Err(Failed::Filtered)).killed_by, Some(libc::SIGSYS));
        let [call] = calls.clone();
        let left_out = recorded(&[Made { left_out: true, ..call }], Err(Errno::EPERM.into()));
        assert_eq!((left_out.seen_call, left_out.killed_by), (SeenCall::Begun, Some(libc::SIGSYS)));
        assert_eq!(left_out.evidence, ["mount(1): a filter kills for it"]);
        assert_eq!(ended.evidence, ["mount(1) did not return"]);
    }

    #[test]
    fn a_call_that_is_made_over_and_over_takes_one_line() {
        let calls = [1, 2, -11].map(|returned| made("clone", libc::SYS_clone, Some(returned)));
        let facts = recorded(&calls, Err(Errno::EAGAIN.into()));
        assert_eq!(facts.evidence, [format!("3 times: clone(1) = -1 {}", Errno::EAGAIN)]);
    }

    #[test]
    fn a_success_after_a_refusal_counts() {
        let calls =
            [made("mount", libc::SYS_mount, Some(-1)), made("move_mount", libc::SYS_move_mount, Some(0))];
        let facts = recorded(&calls, Ok(()));
        assert_eq!((facts.seen_call, facts.got), (SeenCall::Returned(0), Some((0, String::new()))));
    }
}
