//! `mdbook-steps`: the preprocessor by which the book quotes a lab's step.
//!
//! In a page the line `{{#step lab1-namespaces/pid-namespace}}` becomes the step's code and a line that says
//! where it stands. `{{#task lab1-namespaces/pid-namespace}}` becomes the student's task: the goal, what to read, the
//! checks that need the step, and, folded, the hints and the code. Code comes from the labs, all else from
//! `steps.toml`. `{{#counts}}` becomes the table of how many attempts are blocked where, and `{{#more-escapes LAB}}` the
//! rows of a table for those attempts that still escape in a lab and that the page does not name. mdBook gives `[context, book]` as JSON on standard input and takes the book back on standard
//! output (mdBook's guide, "Preprocessors").

use anyhow::{Context, Result, bail};
use grader::formats::book;
use grader::labs;
use grader::labs::steps::{Source, Step, USER_NAMESPACE};
use serde_json::Value;
use std::io::{self, Write, stdin, stdout};
use std::path::Path;
use std::process::ExitCode;

fn main() -> ExitCode {
    // `supports RENDERER`: the exit code is the answer. Code and emphasis work in every renderer.
    if std::env::args().nth(1).is_some_and(|word| word == "supports") {
        return ExitCode::SUCCESS;
    }
    match preprocess() {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            let _ = writeln!(io::stderr(), "mdbook-steps: {error:#}");
            ExitCode::FAILURE
        }
    }
}

fn preprocess() -> Result<()> {
    let (context, mut book): (Value, Value) =
        serde_json::from_reader(stdin().lock()).context("standard input is not what mdBook sends")?;
    let root = context["root"].as_str().context("mdBook did not say where the book is")?;
    // The book is a directory of the workspace.
    let workspace = Path::new(root).parent().context("the book is not in the workspace")?;
    let steps = Source::read(workspace)?.steps()?;
    // mdBook 0.5 calls the chapters `items`, 0.4 `sections`.
    for name in ["items", "sections"] {
        quote_in(&mut book[name], &steps)?;
    }
    serde_json::to_writer(stdout().lock(), &book).context("standard output")
}

/// Quotes the steps in these chapters and their subchapters.
fn quote_in(items: &mut Value, steps: &[Step]) -> Result<()> {
    for item in items.as_array_mut().into_iter().flatten() {
        let Some(chapter) = item.get_mut("Chapter") else { continue };
        let page = chapter["path"].as_str().or(chapter["name"].as_str()).unwrap_or("?").to_owned();
        if let Some(text) = chapter["content"].as_str() {
            chapter["content"] = page_with_steps(text, steps).context(page)?.into();
        }
        quote_in(&mut chapter["sub_items"], steps)?;
    }
    Ok(())
}

/// The function that replaces a directive by text about a step.
type Quote = fn(&Step) -> String;

const DIRECTIVES: [(&str, Quote); 2] = [("{{#step ", code), ("{{#task ", task)];

fn page_with_steps(text: &str, steps: &[Step]) -> Result<String> {
    let mut page = String::with_capacity(text.len());
    for line in text.lines() {
        if let Some(rows) = made_from_the_lists(line, text)? {
            page.push_str(&rows);
            continue;
        }
        page.push_str(&quoted(line, steps)?.unwrap_or_else(|| line.to_owned()));
        page.push('\n');
    }
    Ok(page)
}

/// The table rows that replace a directive.
fn made_from_the_lists(line: &str, page: &str) -> Result<Option<String>> {
    if line.trim() == "{{#counts}}" {
        return Ok(Some(book::counts()));
    }
    let Some(lab) = line.trim().strip_prefix("{{#more-escapes ").and_then(|rest| rest.strip_suffix("}}"))
    else {
        return Ok(None);
    };
    let number = labs::ALL.iter().position(|known| *known == lab);
    Ok(Some(book::more_escapes(number.with_context(|| format!("no lab is called {lab:?}"))?, page)))
}

/// The text that replaces a line with a directive.
fn quoted(line: &str, steps: &[Step]) -> Result<Option<String>> {
    for (begin, quote) in DIRECTIVES {
        if let Some(name) = line.trim().strip_prefix(begin).and_then(|rest| rest.strip_suffix("}}")) {
            let name = name.trim();
            let Some(step) = steps.iter().find(|step| step.id.to_string() == name) else {
                bail!("no step is called {name:?}");
            };
            return Ok(Some(quote(step)));
        }
        // A backslash before a directive quotes it.
        let begin = begin.trim_end();
        if line.replace(&format!(r"\{begin}"), "").contains(begin) {
            bail!("{line:?}: a step is quoted by {begin} LAB/NAME}}}} on a line of its own");
        }
    }
    Ok(None)
}

/// The step's code, and its place.
fn code(step: &Step) -> String {
    format!(
        "```rust,ignore\n{}```\n\n*{}, line {}. Manual: {}*\n",
        step.body,
        step.file.display(),
        step.line,
        step.man.join(", ")
    )
}

/// The step as a task: the goal, then hints and code, folded.
fn task(step: &Step) -> String {
    let man: Vec<String> = step.man.iter().map(|page| linked(page)).collect();
    let mut text = format!("> **Your task.** {}\n>\n> Read: {}\n", step.goal, man.join(", "));
    // This step works only with an option.
    let option = if step.id.name == USER_NAMESPACE { " (with `--userns`)" } else { "" };
    for (label, checks) in [
        (format!("Lost without it{option}"), &step.lost),
        ("Lost without it in a user namespace".into(), &step.lost_user),
        ("Lost where the other steps against it are missing too".into(), &step.lost_together),
    ] {
        if !checks.is_empty() {
            text.push_str(&format!(">\n> {label}: `{}`\n", checks.join("`, `")));
        }
    }
    for (number, hint) in (1..).zip(&step.hints) {
        text.push_str(&folded(&format!("Hint {number}"), hint));
    }
    text + &folded("The lines in the reference", &code(step))
}

/// Folded text, opened by a click. The empty lines make the content Markdown again.
fn folded(summary: &str, content: &str) -> String {
    format!("\n<details><summary>{summary}</summary>\n\n{}\n\n</details>\n", content.trim_end())
}

/// `mount(2)` as a link to the page.
fn linked(page: &str) -> String {
    match page.strip_suffix(')').and_then(|page| page.split_once('(')) {
        Some((name, section)) => {
            format!("[{page}](https://man7.org/linux/man-pages/man{section}/{name}.{section}.html)")
        }
        None => page.to_owned(),
    }
}
