//! The page of all attempts, and on each lab's page the list of what still escapes.

use crate::pages::{names, page, rows, section};
use attempts::attempts::{ALL, Attempt};
use grader::labs;
use std::collections::BTreeSet;

/// How many letters the page shows: the bare decoy host, a space, and the labs that there are.
fn shown(letters: &'static str) -> &'static str {
    &letters[..2 + labs::ALL.len()]
}

/// The row that the page must have for an attempt, but for its second cell: that is told in words.
fn row(attempt: &Attempt) -> [String; 5] {
    let lab = attempt.first_lab();
    let steps: Vec<&str> = attempt.stopped_by.iter().map(|step| step.split('/').nth(1).unwrap()).collect();
    let letters = [attempt.letters.root, attempt.letters.user, attempt.letters.rootless];
    let [root, user, rootless] = letters.map(|letters| format!("`{}`", shown(letters)));
    let of_this_lab = attempt.stopped_by.iter().all(|step| step.starts_with(&format!("lab{lab}-")));
    assert!(of_this_lab || attempt.stopped_by.len() > 1);
    [format!("`{}`", attempt.id), steps.join(", "), root, user, rootless]
}

#[test]
fn every_attempt_stands_below_the_lab_that_stops_it_with_its_steps_and_letters() {
    let text = page("catalogue.md");
    let mut listed = BTreeSet::new();
    for lab in 0..=6 {
        let below = section(&text, &format!("## Lab {lab}"));
        for cells in rows(below).filter(|cells| Attempt::find(cells[0].trim_matches('`')).is_some()) {
            let attempt = Attempt::find(cells[0].trim_matches('`')).unwrap();
            assert_eq!(attempt.first_lab(), lab, "{} stands below lab {lab}", attempt.id);
            let [id, steps, root, user, rootless] = row(attempt);
            assert_eq!(cells.len(), 6, "{cells:?}");
            assert_eq!(
                [cells[0], cells[2], cells[3], cells[4], cells[5]],
                [&id, &steps, &root, &user, &rootless][..]
            );
            assert!(listed.insert(attempt.id), "{} stands there twice", attempt.id);
        }
    }
    let missing: Vec<&str> = ALL.iter().map(|it| it.id).filter(|id| !listed.contains(id)).collect();
    assert!(missing.is_empty(), "catalogue.md lacks {missing:?}");
}

#[test]
fn the_page_counts_what_is_judged_and_what_is_blocked() {
    let text = page("catalogue.md");
    let counted: Vec<Vec<&str>> = rows(section(&text, "## How many")).skip(1).collect();
    let numbers = |name: &str, letters: fn(&Attempt) -> &'static str| {
        let judged: Vec<&str> = ALL.iter().map(letters).filter(|row| !row.starts_with('I')).collect();
        let blocked = |lab| judged.iter().filter(|row| row.as_bytes()[2 + lab] == b'B').count();
        let numbers = [judged.len()].into_iter().chain((0..labs::ALL.len()).map(blocked));
        [name.to_owned()].into_iter().chain(numbers.map(|number| number.to_string())).collect::<Vec<_>>()
    };
    let expected = [
        numbers("root", |it| it.letters.root),
        numbers("user", |it| it.letters.user),
        numbers("ordinary", |it| it.letters.rootless),
    ];
    assert_eq!(counted, expected);
}

#[test]
fn each_lab_s_page_lists_all_that_still_escapes_and_the_lab_that_stops_it() {
    for (number, lab) in labs::ALL.iter().enumerate() {
        let text = page(&format!("{lab}.md"));
        let mut listed = BTreeSet::new();
        for cells in rows(section(&text, "## What still escapes")).skip(1) {
            let stops = cells.last().unwrap();
            for id in names(cells[0]) {
                let attempt = Attempt::find(id).unwrap_or_else(|| panic!("{lab}.md: {id} is no attempt"));
                // A lab that there is has a page to go to.
                let first = attempt.first_lab();
                let expected = match labs::ALL.get(first) {
                    Some(name) => format!("[lab {first}]({name}.md)"),
                    None => format!("lab {first}"),
                };
                assert_eq!(*stops, expected, "{lab}.md says of {id}");
                assert!(listed.insert(id), "{lab}.md lists {id} twice");
            }
        }
        let escapes = |it: &&Attempt| it.letter(number, it.letters.root) == Some('E');
        let escaping: BTreeSet<&str> = ALL.iter().filter(escapes).map(|it| it.id).collect();
        assert_eq!(listed, escaping, "{lab}.md");
    }
}
