//! The book and the code say the same: what a page names is there, and what is there has a page.

use assert_cmd::cargo::cargo_bin_cmd;
use grader::steps::Source;
use predicates::prelude::PredicateBooleanExt;
use predicates::str::contains;
use serde_json::{Value, json};
use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};

fn workspace() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap()
}

fn book() -> PathBuf {
    workspace().join("docs/src")
}

/// Every page, by its path in `docs/src`, SUMMARY.md apart.
fn pages() -> BTreeMap<String, String> {
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

/// What stands between `before` and the next `after`, wherever in `text`.
fn between<'a>(text: &'a str, before: &'a str, after: &'a str) -> impl Iterator<Item = &'a str> {
    text.split(before).skip(1).filter_map(move |rest| rest.split_once(after)).map(|(inner, _)| inner)
}

/// The steps that a page quotes.
fn quoted(page: &str) -> BTreeSet<String> {
    between(page, "{{#step ", "}}").map(str::to_owned).collect()
}

fn real_steps() -> BTreeSet<String> {
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
fn every_step_is_quoted_on_its_lab_s_page() {
    let pages = pages();
    for step in real_steps() {
        let page = format!("{}.md", step.split('/').next().unwrap());
        let text = pages.get(&page).unwrap_or_else(|| panic!("{page} is missing"));
        assert!(quoted(text).contains(&step), "{page} does not quote {step}");
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
        let links = links.map(|link| link.split('#').next().unwrap());
        let included = between(&text, "{{#include ", "}}").map(|file| file.split(':').next().unwrap());
        for target in links.chain(included).filter(|target| !target.is_empty()) {
            assert!(directory.join(target).is_file(), "{page} points to {target}, which is missing");
        }
    }
}

/// What mdBook sends for a book with one page, which is a page below another one.
fn book_with(content: &str) -> String {
    let chapter = |name: &str, content: &str, below: Value| {
        json!({"Chapter": {"name": name, "content": content, "number": null, "sub_items": below,
            "path": format!("{name}.md"), "source_path": format!("{name}.md"), "parent_names": []}})
    };
    let page = chapter("page", content, json!([]));
    let context = json!({"root": workspace().join("docs"), "renderer": "html", "mdbook_version": "0.5.4"});
    json!([context, {"items": ["Separator", chapter("above", "Text.\n", json!([page]))]}]).to_string()
}

/// The page after the preprocessor.
fn processed(content: &str) -> String {
    let output = cargo_bin_cmd!("mdbook-steps").write_stdin(book_with(content)).assert().success();
    let book: Value = serde_json::from_slice(&output.get_output().stdout).unwrap();
    assert_eq!(book["items"][1]["Chapter"]["content"], "Text.\n");
    book["items"][1]["Chapter"]["sub_items"][0]["Chapter"]["content"].as_str().unwrap().to_owned()
}

#[test]
fn a_step_becomes_its_code_and_the_place_where_it_stands() {
    let page = processed("Before.\n\n{{#step lab1-namespaces/pid-namespace}}\n\nAfter.\n");
    assert!(
        page.starts_with("Before.\n\n```rust,ignore\nflags |= CloneFlags::CLONE_NEWPID;\n```\n\n"),
        "{page}"
    );
    assert!(page.contains("lab1-namespaces/src/lib.rs, line "), "{page}");
    assert!(page.ends_with("\n\nAfter.\n"), "{page}");
}

#[test]
fn a_directive_after_a_backslash_stays() {
    let page = "Write `\\{{#step LAB/NAME}}`.\n";
    assert_eq!(processed(page), page);
}

#[test]
fn an_unknown_step_is_an_error_that_names_page_and_step() {
    for wrong in ["{{#step lab1-namespaces/nothing}}", "{{#step pid-namespace}}", "{{#step }}"] {
        cargo_bin_cmd!("mdbook-steps")
            .write_stdin(book_with(wrong))
            .assert()
            .code(1)
            .stdout("")
            .stderr(contains("page.md").and(contains(wrong["{{#step ".len()..wrong.len() - 2].trim())));
    }
}

#[test]
fn a_directive_within_a_line_is_an_error() {
    cargo_bin_cmd!("mdbook-steps")
        .write_stdin(book_with("See {{#step lab1-namespaces/hostname}}."))
        .assert()
        .code(1)
        .stderr(contains("page.md").and(contains("on a line of its own")));
}

#[test]
fn every_renderer_is_supported() {
    cargo_bin_cmd!("mdbook-steps").args(["supports", "html"]).assert().success().stdout("");
}

#[test]
fn what_is_not_from_mdbook_is_an_error() {
    for nothing in ["", "{}", "[{}, {}]"] {
        cargo_bin_cmd!("mdbook-steps").write_stdin(nothing).assert().code(1).stderr(contains("mdBook"));
    }
}
