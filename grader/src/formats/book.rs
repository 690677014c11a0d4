//! The parts of the book that are generated from the lists of attempts and labs.

use crate::labs;
use attempts::attempts::{ALL, Attempt};
use std::fmt::Write;

/// The measured verdicts of an attempt on one kind of decoy host.
type Letters = fn(&Attempt) -> &'static str;

/// How many attempts each kind of decoy host judges, and how many of those each lab blocks: a Markdown table.
pub fn counts() -> String {
    let numbers: Vec<usize> = (0..labs::ALL.len()).collect();
    let header: String = numbers.iter().map(|lab| format!(" lab {lab} |")).collect();
    let mut table = format!("| | judged |{header}\n|---|---|{}\n", "---|".repeat(numbers.len()));
    let kinds: [(&str, Letters); 3] = [
        ("root", |it| it.letters.root),
        ("user", |it| it.letters.user),
        ("ordinary", |it| it.letters.rootless),
    ];
    for (kind, letters) in kinds {
        let judged: Vec<&Attempt> = ALL.iter().filter(|it| !letters(it).starts_with('I')).collect();
        let _ = write!(table, "| {kind} | {} |", judged.len());
        for lab in &numbers {
            let blocked = judged.iter().filter(|it| it.letter(*lab, letters(it)) == Some('B')).count();
            let _ = write!(table, " {blocked} |");
        }
        table.push('\n');
    }
    table
}

/// Rows for the attempts that still escape in a lab and that its page does not name: the stake, and the lab that stops
/// it. They continue a table of three columns.
pub fn more_escapes(lab: usize, page: &str) -> String {
    let named = |id: &str| page.contains(&format!("`{id}`"));
    let escapes = |it: &&Attempt| it.letter(lab, it.letters.root) == Some('E');
    ALL.iter().filter(escapes).filter(|it| !named(it.id)).map(row).collect()
}

fn row(attempt: &Attempt) -> String {
    let number = attempt.first_lab();
    let lab = match labs::ALL.get(number) {
        Some(name) => format!("[lab {number}]({name}.md)"),
        None => format!("lab {number}"),
    };
    format!("| `{}` | {} | {lab} |\n", attempt.id, attempt.stake)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_page_names_is_not_told_again() {
        let none = more_escapes(3, &ALL.iter().map(|it| format!("`{}`", it.id)).collect::<String>());
        assert_eq!(none, "");
        let rows = more_escapes(3, "`memory-hog` is here");
        assert!(rows.contains("| `cpu-hog` | ") && rows.ends_with(" | lab 6 |\n"), "{rows}");
        assert!(!rows.contains("memory-hog") && !rows.contains("`mount`"), "{rows}");
    }

    #[test]
    fn all_are_counted() {
        let table = counts();
        assert!(table.contains(&format!("| root | {} |", ALL.len())), "{table}");
        assert_eq!(table.lines().count(), 5, "{table}");
    }
}
