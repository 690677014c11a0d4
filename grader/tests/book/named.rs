//! What a page names: steps, other pages, attempts and labs, and the verdicts that it gives them.

use crate::pages::{between, blocks, book, names, pages, rows, workspace};
use attempts::attempts::Attempt;
use attempts::works::Work;
use grader::labs;
use grader::labs::steps::Source;
use std::collections::BTreeSet;
use std::fs;

/// The steps that a page quotes.
fn quoted(page: &str) -> BTreeSet<String> {
    let quoted = between(page, "{{#step ", "}}").chain(between(page, "{{#task ", "}}"));
    // Dots: the page tells of directives.
    quoted.filter(|name| *name != "...").map(str::to_owned).collect()
}

/// In the order in which they are taught.
fn real_steps() -> Vec<String> {
    let steps = Source::read(workspace()).unwrap().steps().unwrap();
    steps.iter().map(|step| step.id.to_string()).collect()
}

#[test]
fn every_quoted_step_is_a_real_one() {
    let real = real_steps();
    for (page, text) in pages() {
        for step in quoted(&text) {
            assert!(real.contains(&step), "{page} quotes {step}, which is no step");
        }
    }
}

#[test]
fn every_step_is_a_task_of_its_lab_s_page_in_the_order_of_teaching() {
    let pages = pages();
    for lab in labs::ALL {
        let page = format!("{lab}.md");
        let text = pages.get(&page).unwrap_or_else(|| panic!("{page} is missing"));
        let real: Vec<String> = real_steps().into_iter().filter(|step| step.starts_with(lab)).collect();
        let tasks: Vec<&str> = between(text, "\n{{#task ", "}}\n").collect();
        assert_eq!(tasks, real, "{page}");
    }
}

#[test]
fn the_table_of_contents_lists_every_page_and_no_other() {
    let summary = fs::read_to_string(book().join("SUMMARY.md")).unwrap();
    let listed: BTreeSet<String> = between(&summary, "](", ")").map(str::to_owned).collect();
    let there: BTreeSet<String> = pages().into_keys().collect();
    assert_eq!(listed, there);
}

#[test]
fn links_between_pages_and_included_files_exist() {
    for (page, text) in pages() {
        let directory = book().join(&page).parent().unwrap().to_owned();
        let links = between(&text, "](", ")").filter(|link| !link.contains("://"));
        let included = between(&text, "{{#include ", "}}").map(|file| file.split(':').next().unwrap());
        for target in links.chain(included) {
            let (file, heading) = target.split_once('#').unwrap_or((target, ""));
            let file = if file.is_empty() { book().join(&page) } else { directory.join(file) };
            assert!(file.is_file(), "{page} points to {target}, which is missing");
            let there = || fs::read_to_string(&file).unwrap().lines().any(|line| anchor(line) == heading);
            assert!(heading.is_empty() || there(), "{page} points to {target}: no such heading");
        }
    }
}

/// What mdBook makes of a heading: small letters, hyphens for spaces, nothing else.
fn anchor(line: &str) -> String {
    let kept = |c: &char| c.is_alphanumeric() || "-_ ".contains(*c);
    let words = line.trim_start_matches('#').trim().to_lowercase();
    words.chars().filter(kept).map(|c| if c == ' ' { '-' } else { c }).collect()
}

#[test]
fn what_the_grader_is_told_in_a_page_is_there() {
    let steps = real_steps();
    for (page, text) in pages() {
        // Words in capitals stand for any name.
        let word = |rest: &str| -> Option<String> {
            let word: String =
                rest.chars().take_while(|c| c.is_ascii_alphanumeric() || "-/".contains(*c)).collect();
            (!word.is_empty() && !word.starts_with(|c: char| c.is_ascii_uppercase())).then_some(word)
        };
        for name in text.split("grader try ").skip(1).filter_map(word) {
            assert!(Attempt::find(&name).is_some(), "{page}: grader try {name}");
        }
        for name in text.split("grader explain ").skip(1).filter_map(word) {
            let step = steps.iter().any(|step| *step == name || step.ends_with(&format!("/{name}")));
            let known = step || Attempt::find(&name).is_some() || Work::find(&name).is_some();
            assert!(known, "{page}: grader explain {name}");
        }
        for place in [" --in ", "grader watch ", "grader knockout "] {
            for name in text.split(place).skip(1).filter_map(word) {
                let known = name.starts_with('-') || labs::resolve(&name).is_some();
                assert!(known, "{page}: {place}{name}: no such lab");
            }
        }
    }
}

#[test]
fn the_verdicts_in_the_tables_of_a_lab_are_those_that_were_measured() {
    for (number, lab) in labs::ALL.iter().enumerate() {
        let text = &pages()[&format!("{lab}.md")];
        for cells in rows(text).filter(|cells| cells.len() > 1 && ["ESCAPED", "BLOCKED"].contains(&cells[1]))
        {
            for id in names(cells[0]) {
                let attempt = Attempt::find(id).unwrap_or_else(|| panic!("{lab}.md: {id} is no attempt"));
                let letter = attempt.letter(number, attempt.letters.root);
                assert_eq!(letter, cells[1].chars().next(), "{lab}.md says of {id}: {}", cells[1]);
            }
        }
    }
}

#[test]
fn a_board_that_a_page_shows_has_real_checks_verdicts_and_hints() {
    let steps = Source::read(workspace()).unwrap().steps().unwrap();
    let mut seen = 0;
    for (page, text) in pages() {
        for board in blocks(&text).iter().filter(|block| block.info == "text,board") {
            let place = format!("{page}, line {}", board.line);
            for line in &board.lines {
                let row = line.trim_start_matches(['>', ' ', '+', 'x', '?']);
                let mut words = row.split_whitespace();
                let (Some(id), Some(verdict)) = (words.next(), words.next()) else { continue };
                let known = match verdict {
                    "ESCAPED" | "BLOCKED" => Attempt::find(id).is_some(),
                    "WORKS" | "FAILS" => Work::find(id).is_some(),
                    _ => continue,
                };
                assert!(known, "{place}: {line:?}");
                seen += 1;
            }
            // The terminal broke the lines.
            let words = board.lines.join(" ").split_whitespace().collect::<Vec<_>>().join(" ");
            for hint in words.split(" of 3: ").skip(1) {
                let real =
                    steps.iter().flat_map(|step| &step.hints).any(|real| hint.starts_with(real.as_str()));
                assert!(real, "{place}: {hint:?}");
                seen += 1;
            }
        }
    }
    assert!(seen > 0, "no page shows a board");
}
