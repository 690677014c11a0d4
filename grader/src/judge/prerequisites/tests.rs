//! The graph as it stands, and what follows from it.

use super::*;
use crate::judge::verdict::Outcome;
use crate::report::{Cause, CheckKind, Verdict};
use std::collections::BTreeSet;

/// Every check: its name, and the lab that is the first to ask for it.
fn all() -> Vec<(&'static str, usize)> {
    let works = WORKS.iter().map(|work| (work.id, work.first_lab));
    works.chain(ATTEMPTS.iter().map(|attempt| (attempt.id, attempt.first_lab()))).collect()
}

fn first_lab(id: &str) -> usize {
    all().into_iter().find(|(known, _)| *known == id).unwrap_or_else(|| panic!("no check is called {id}")).1
}

#[test]
fn no_name_stands_for_two_checks() {
    let names: BTreeSet<_> = all().into_iter().map(|(id, _)| id).collect();
    assert_eq!(names.len(), all().len());
}

#[test]
fn what_a_check_is_after_exists_and_is_asked_for_no_later() {
    for (id, lab) in all() {
        for before in after(id) {
            assert!(first_lab(before) <= lab, "{id} is asked for before {before}");
        }
    }
}

#[test]
fn none_is_after_itself() {
    fn walk(id: &'static str, way: &mut Vec<&'static str>) {
        assert!(!way.contains(&id), "a circle: {way:?}, {id}");
        way.push(id);
        after(id).for_each(|before| walk(before, way));
        way.pop();
    }
    all().into_iter().for_each(|(id, _)| walk(id, &mut Vec::new()));
}

#[test]
fn what_all_are_after_is_said_once() {
    for (id, _) in all() {
        assert_eq!(after(id).filter(|before| *before == STARTS).count(), usize::from(id != STARTS), "{id}");
    }
}

/// A lab without any of its steps is the lab before. There nothing may wait that was BLOCKED.
#[test]
fn nothing_waits_in_a_starter_that_was_blocked_in_the_lab_before() {
    for attempt in ATTEMPTS {
        let rows = [attempt.letters.root, attempt.letters.user, attempt.letters.rootless];
        for before in after(attempt.id).filter(|before| *before != STARTS) {
            for (row, kind) in rows.into_iter().zip(0..) {
                let blocked = |lab: usize| row.as_bytes()[2 + lab] == b'B';
                for lab in (1..7).filter(|lab| blocked(lab - 1)) {
                    let asked_now = match Attempt::find(before) {
                        Some(it) => {
                            let row =
                                [it.letters.root, it.letters.user, it.letters.rootless][kind].as_bytes();
                            (row[1 + lab], row[2 + lab]) == (b'E', b'B')
                        }
                        None => first_lab(before) == lab,
                    };
                    assert!(!asked_now, "{} would wait for {before} in the starter of lab {lab}", attempt.id);
                }
            }
        }
    }
}

fn check(id: &str, verdict: Outcome) -> Check {
    let kind = if Work::find(id).is_some() { CheckKind::Works } else { CheckKind::Attempt };
    verdict.check(id, kind, None)
}

fn blocked(id: &str) -> Check {
    check(id, Outcome::Blocked("refused".into()))
}

fn escaped(id: &str) -> Check {
    check(id, Outcome::Escaped("seen".into()))
}

fn fails(id: &str) -> Check {
    check(id, Outcome::Fails("no".into()))
}

fn works(id: &str) -> Check {
    check(id, Outcome::Works)
}

fn settled(mut checks: Vec<Check>) -> Vec<Check> {
    mark_waiting(&mut checks);
    checks
}

/// What each waits for; `-` where it waits for nothing.
fn waits(checks: &[Check]) -> Vec<String> {
    checks.iter().map(|it| if it.waits() { it.waiting_for.join("+") } else { "-".into() }).collect()
}

#[test]
fn what_is_after_a_check_that_fell_short_waits() {
    let checks = settled(vec![escaped("proc-keys"), blocked("proc-keys-unmask"), blocked("mount")]);
    assert_eq!(waits(&checks), ["-", "proc-keys", "-"]);
    let it = &checks[1];
    assert_eq!((it.verdict, it.as_expected), (Verdict::Inconclusive, false));
    assert!(it.why.contains("proc-keys") && it.evidence[0].contains("BLOCKED: refused"), "{it:?}");
}

#[test]
fn what_was_seen_is_not_hidden() {
    let machine = Outcome::Inconclusive(Cause::Machine, "no disk".into());
    let checks = settled(vec![
        fails("starts"),
        escaped("reboot"),
        works("output"),
        check("raw-disk", machine),
        blocked("mount"),
        check("boot-time", Outcome::Inconclusive(Cause::Target, "it died".into())),
        fails("pid-1"),
    ]);
    assert_eq!(waits(&checks), ["-", "-", "-", "-", "starts", "starts", "starts"]);
}

#[test]
fn who_waits_for_one_that_waits_waits_for_what_is_to_be_mended() {
    let checks = settled(vec![fails("dev-links"), fails("proc-self"), fails("devices"), fails("pid-1")]);
    assert_eq!(waits(&checks), ["pid-1", "pid-1", "-", "-"]);
}

#[test]
fn what_is_as_expected_or_was_not_asked_for_keeps_nobody_waiting() {
    assert_eq!(waits(&settled(vec![blocked("proc-keys-unmask")])), ["-"]);
    let expected =
        Outcome::Escaped(String::new()).check("proc-keys", CheckKind::Attempt, Some(Verdict::Escaped));
    assert_eq!(waits(&settled(vec![expected, blocked("proc-keys-unmask")])), ["-", "-"]);
    let machine = check("core-pattern", Outcome::Inconclusive(Cause::Machine, String::new()));
    assert_eq!(waits(&settled(vec![machine, blocked("core-pattern-remount")])), ["-", "-"]);
}

#[track_caller]
fn first(checks: Vec<Check>, lab: Option<usize>) -> (String, Vec<String>) {
    let first = fix_first(&settled(checks), lab).expect("something fell short");
    (first.id, first.steps)
}

#[test]
fn works_checks_come_first_then_the_lowest_lab_then_the_order_of_teaching() {
    let all = || vec![escaped("chroot-escape"), escaped("raw-disk"), escaped("reboot"), escaped("mount")];
    assert_eq!(first(all(), None).0, "reboot");
    assert_eq!(first([all(), vec![fails("shm"), fails("pid-1")]].concat(), None).0, "pid-1");
    assert_eq!(first([all(), vec![fails("starts"), fails("pid-1")]].concat(), None).0, "starts");
    assert_eq!(first(vec![fails("console"), fails("devices")], None).0, "devices");
    // That one was not reached says less than that another failed.
    let unreached = check("output", Outcome::Inconclusive(Cause::Target, String::new()));
    assert_eq!(first(vec![unreached, fails("exit-status"), fails("pid-1")], None).0, "exit-status");
    // It escapes all by itself, and yet what it undoes comes first.
    assert_eq!(first(vec![escaped("core-pattern-remount"), escaped("core-pattern")], None).0, "core-pattern");
    assert_eq!(fix_first(&[blocked("mount"), works("starts")], None), None);
}

#[test]
fn of_a_lab_the_steps_are_named() {
    let steps = |id: &str, lab| {
        let check = if Work::find(id).is_some() { fails(id) } else { escaped(id) };
        first(vec![check], lab).1
    };
    assert_eq!(steps("devices", Some(2)), ["lab2-mounts/devices"]);
    assert_eq!(steps("devices", Some(3)), ["lab2-mounts/devices"]);
    assert_eq!(
        steps("mount", Some(1)),
        ["lab1-namespaces/mount-namespace", "lab1-namespaces/private-propagation"]
    );
    assert_eq!(steps("cap-inheritable", Some(4)), [""; 0]);
    assert_eq!(steps("devices", None), [""; 0]);
    // `dev` in lab 2 loses it; in lab 0 nobody has heard of that.
    assert_eq!(steps("nothing-left", Some(0)), [""; 0]);
    assert_eq!(steps("nothing-left", Some(2)), ["lab2-mounts/dev"]);
}
