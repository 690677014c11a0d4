//! No check is one that can't fail: for each there is something that falls short of it, and a test that sees it do so.
//! That none is one which always fails is seen in `matrix.rs` and `held.rs`.

mod common;

use attempts::attempts::ALL as ATTEMPTS;
use attempts::works::ALL as WORKS;
use common::broken::{ALONE, BROKEN};
use grader::labs::{self, Workspace};
use std::collections::BTreeSet;

/// What falls short of a check.
fn shown() -> BTreeSet<&'static str> {
    let mut shown = BTreeSet::new();
    // A lab without one of its steps: the knock-outs, and the way of a student, show each row of `steps.toml`.
    for step in Workspace::sources().steps().unwrap() {
        shown.extend(step.lost.into_iter().chain(step.lost_user).map(|id| &*id.leak()));
    }
    // A lab in which an attempt escapes, since a later one is to stop it: `matrix.rs` shows each letter.
    for attempt in ATTEMPTS {
        let letter = |lab| attempt.letter(lab, attempt.letters.root);
        if (0..labs::ALL.len()).any(|lab| letter(lab) == Some('E')) {
            shown.insert(attempt.id);
        }
    }
    // A lab behind something that breaks it: `broken.rs` shows each row.
    shown.extend(BROKEN.iter().flat_map(|(_, _, short)| short.iter().copied()));
    shown.extend(ALONE.map(|(_, short)| short));
    // One that executes another program, as all of `BROKEN` do, and one that ends at once: see `negative.rs`.
    shown.extend(["no-other-program", "starts"]);
    shown
}

#[test]
fn every_check_has_something_that_falls_short_of_it() {
    let all: BTreeSet<&str> = ATTEMPTS.iter().map(|it| it.id).chain(WORKS.iter().map(|it| it.id)).collect();
    let shown = shown();
    let missing: Vec<_> = all.difference(&shown).collect();
    assert!(missing.is_empty(), "nothing falls short of {missing:?}");
    let unknown: Vec<_> = shown.difference(&all).collect();
    assert!(unknown.is_empty(), "no check is called {unknown:?}");
}
