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

/// What a page does not list, the built book adds: the directive stands in the table.
#[test]
fn each_lab_s_page_says_of_what_still_escapes_which_lab_stops_it() {
    for (number, lab) in labs::ALL.iter().enumerate() {
        let text = page(&format!("{lab}.md"));
        let mut listed = BTreeSet::new();
        let section = section(&text, "## What still escapes");
        assert!(section.contains(&format!("|\n{{{{#more-escapes {lab}}}}}\n")), "{lab}.md");
        for cells in rows(section).skip(1) {
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
        assert!(listed.is_subset(&escaping), "{lab}.md: {:?}", listed.difference(&escaping));
    }
}
