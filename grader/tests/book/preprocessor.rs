//! `mdbook-steps`, the program that quotes the steps.

use crate::pages::workspace;
use assert_cmd::cargo::cargo_bin_cmd;
use grader::labs::steps::Source;
use predicates::prelude::PredicateBooleanExt;
use predicates::str::contains;
use serde_json::{Value, json};

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
fn a_task_becomes_all_that_is_known_of_its_step() {
    for step in Source::read(workspace()).unwrap().steps().unwrap() {
        let page = processed(&format!("{{{{#task {}}}}}\n", step.id));
        for text in step.hints.iter().chain([&step.goal, &step.body]) {
            assert!(page.contains(text.trim_end()), "{} lacks {text:?} in {page}", step.id);
        }
        for name in step.man.iter().chain(&step.lost).chain(&step.lost_user).chain(&step.lost_together) {
            assert!(page.contains(name), "{} lacks {name:?} in {page}", step.id);
        }
        let manual = &step.man[0];
        let (name, section) = manual.trim_end_matches(')').split_once('(').unwrap();
        let link = format!("[{manual}](https://man7.org/linux/man-pages/man{section}/{name}.{section}.html)");
        assert!(page.contains(&link), "{page}");
        assert_eq!(page.matches("<details>").count(), page.matches("</details>").count(), "{page}");
    }
}

#[test]
fn a_directive_after_a_backslash_stays() {
    let page = "Write `\\{{#step LAB/NAME}}` or `\\{{#task LAB/NAME}}`.\n";
    assert_eq!(processed(page), page);
}

#[test]
fn an_unknown_step_is_an_error_that_names_page_and_step() {
    let wrong =
        ["{{#step lab1-namespaces/nothing}}", "{{#step pid-namespace}}", "{{#step }}", "{{#task none}}"];
    for wrong in wrong {
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
    for wrong in
        ["See {{#step lab1-namespaces/hostname}}.", "> {{#task lab1-namespaces/hostname}}", "{{#task"]
    {
        cargo_bin_cmd!("mdbook-steps")
            .write_stdin(book_with(wrong))
            .assert()
            .code(1)
            .stderr(contains("page.md").and(contains("on a line of its own")));
    }
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

#[test]
fn tables_are_made_from_the_lists() {
    let page = processed(
        "| a | b | c |\n|---|---|---|\n| `memory-hog` | b | c |\n{{#more-escapes lab3-pivot}}\n\nAfter.\n",
    );
    assert!(page.contains("| `memory-hog` | b | c |\n| `"), "{page}");
    assert!(page.contains("| `cpu-hog` | ") && page.ends_with(" |\n\nAfter.\n"), "{page}");
    let page = processed("Before.\n\n{{#counts}}\n");
    assert!(page.contains("Before.\n\n| | judged | lab 0 |") && page.contains("\n| ordinary | "), "{page}");
}
