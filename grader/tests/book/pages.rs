//! The pages as text.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

pub fn workspace() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap()
}

pub fn book() -> PathBuf {
    workspace().join("docs/src")
}

/// Every page, by its path in `docs/src`, SUMMARY.md apart.
pub fn pages() -> BTreeMap<String, String> {
    fn add(directory: &Path, pages: &mut BTreeMap<String, String>) {
        for entry in fs::read_dir(directory).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                add(&path, pages);
            } else if path.extension().is_some_and(|ending| ending == "md") {
                let name = path.strip_prefix(book()).unwrap().display().to_string();
                pages.insert(name, fs::read_to_string(&path).unwrap());
            }
        }
    }
    let mut pages = BTreeMap::new();
    add(&book(), &mut pages);
    pages.remove("SUMMARY.md").expect("a table of contents");
    pages
}

/// One page.
#[track_caller]
pub fn page(name: &str) -> String {
    fs::read_to_string(book().join(name)).unwrap_or_else(|error| panic!("{name}: {error}"))
}

/// What stands between `before` and the next `after`, wherever in `text`.
pub fn between<'a>(text: &'a str, before: &'a str, after: &'a str) -> impl Iterator<Item = &'a str> {
    text.split(before).skip(1).filter_map(move |rest| rest.split_once(after)).map(|(inner, _)| inner)
}

/// A fenced block.
pub struct Block {
    /// What stands after the opening fence.
    pub info: String,
    /// The line of the opening fence, counted from 1.
    pub line: usize,
    /// The lines between the fences.
    pub lines: Vec<String>,
}

/// The fenced blocks of a page.
pub fn blocks(page: &str) -> Vec<Block> {
    let mut blocks = Vec::new();
    let mut lines = (1..).zip(page.lines());
    while let Some((line, text)) = lines.next() {
        if let Some(info) = text.strip_prefix("```") {
            let within = lines.by_ref().map(|(_, text)| text).take_while(|text| *text != "```");
            blocks.push(Block { info: info.to_owned(), line, lines: within.map(str::to_owned).collect() });
        }
    }
    blocks
}

/// The section below this heading, up to the next heading of its rank or a higher one.
#[track_caller]
pub fn section<'a>(page: &'a str, heading: &str) -> &'a str {
    let begin = format!("\n{heading}\n");
    let (_, rest) = page.split_once(&begin).unwrap_or_else(|| panic!("there is no {heading:?}"));
    let rank = heading.chars().take_while(|c| *c == '#').count();
    let ends = (1..=rank).filter_map(|rank| rest.find(&format!("\n{} ", "#".repeat(rank))));
    &rest[..ends.min().unwrap_or(rest.len())]
}

/// The rows of the tables in this text, cell by cell, without the lines below their heads.
pub fn rows(text: &str) -> impl Iterator<Item = Vec<&str>> {
    let is_row = |line: &&str| line.starts_with('|') && !line.starts_with("|-");
    text.lines().filter(is_row).map(|line| line.trim_matches('|').split('|').map(str::trim).collect())
}

/// The words in backquotes.
pub fn names(text: &str) -> Vec<&str> {
    text.split('`').skip(1).step_by(2).collect()
}
