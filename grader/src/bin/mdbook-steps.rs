//! `mdbook-steps`: the preprocessor by which the book quotes a lab's step.
//!
//! In a page the line `{{#step lab1-namespaces/pid-namespace}}` becomes the step's code and a line that says
//! where it stands. mdBook gives `[context, book]` as JSON on standard input and takes the book back on
//! standard output (mdBook's guide, "Preprocessors").

use anyhow::{Context, Result, bail};
use grader::steps::{Source, Step};
use serde_json::Value;
use std::io::{stdin, stdout};
use std::path::Path;
use std::process::ExitCode;

fn main() -> ExitCode {
    // `supports RENDERER`: the answer is the exit code. Code and emphasis come out everywhere.
    if std::env::args().nth(1).is_some_and(|word| word == "supports") {
        return ExitCode::SUCCESS;
    }
    match preprocess() {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("mdbook-steps: {error:#}");
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

/// Quotes the steps in these chapters and in those below them.
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

fn page_with_steps(text: &str, steps: &[Step]) -> Result<String> {
    let mut page = String::with_capacity(text.len());
    for line in text.lines() {
        match line.trim().strip_prefix("{{#step ").and_then(|rest| rest.strip_suffix("}}")) {
            Some(name) => page.push_str(&quotation(name.trim(), steps)?),
            // A backslash before it: the page means the words.
            None if line.replace(r"\{{#step", "").contains("{{#step") => {
                bail!("{line:?}: a step is quoted by {{{{#step LAB/NAME}}}} on a line of its own")
            }
            None => page.push_str(line),
        }
        page.push('\n');
    }
    Ok(page)
}

fn quotation(name: &str, steps: &[Step]) -> Result<String> {
    let Some(step) = steps.iter().find(|step| step.id.to_string() == name) else {
        bail!("no step is called {name:?}");
    };
    Ok(format!(
        "```rust,ignore\n{}```\n\n*{}, line {}. Manual: {}*\n",
        step.body,
        step.file.display(),
        step.line,
        step.man.join(", ")
    ))
}
