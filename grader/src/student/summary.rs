//! The student's progress, below the matrix: the progress in each lab, what is new, and what to do next.

use crate::labs;
use crate::report::{Check, CheckKind, TargetReport};
use crate::student::lab_progress::{LabProgress, StepProgress, StepState};
use crate::student::progress_file::News;
use crate::text;
use std::io::{self, Write};

/// The width of a page, in columns.
const WIDTH: usize = 80;

/// The content of the summary.
pub struct Position<'a> {
    /// The labs that were graded, in order.
    pub labs: Vec<(LabProgress, &'a TargetReport)>,
    /// What is new since the run before.
    pub news: Vec<News>,
    /// Whether this is the first run.
    pub first: bool,
}

/// Writes it.
pub fn write(position: &Position, out: &mut impl Write) -> io::Result<()> {
    writeln!(out, "\nWhere you stand")?;
    for (progress, report) in &position.labs {
        let (lab, all) = (&progress.lab, progress.steps.len());
        let steps = if all == 1 { "step" } else { "steps" };
        write!(out, "  {lab:<16} {:>2} of {all} {steps}", progress.passed())?;
        match report.max_points {
            0.0 => writeln!(out)?,
            most => {
                let open = report.open().map(|open| format!(", {open} not asked here")).unwrap_or_default();
                writeln!(out, ", {} of {most} points{open}", report.points)?;
            }
        }
    }
    let written = |place: &StepProgress| place.state != StepState::Todo;
    let nothing_yet = position.labs.iter().filter(|(progress, _)| progress.lab != labs::ALL[0]);
    let nothing_yet = nothing_yet.clone().count() > 0
        && nothing_yet.flat_map(|(progress, _)| &progress.steps).all(|place| !written(place));
    if position.first || nothing_yet {
        let expected = "Red is expected: a lab without its steps is no more than the lab before it. Each step that \
                        you write turns some of it from ESCAPED to BLOCKED.";
        paragraph("", expected, out)?;
    }
    if !position.first {
        // Changes in labs after the current one are left out.
        let to_do = |(progress, report): &(LabProgress, &TargetReport)| {
            progress.next().is_some() || report.checks.iter().any(|check| !check.as_expected)
        };
        let current = position.labs.iter().position(to_do).unwrap_or(position.labs.len());
        for News { lab, won, lost } in position.news.iter().take(current + 1) {
            changed(&format!("  {lab}: new: "), won, out)?;
            changed(&format!("  {lab}: no longer: "), lost, out)?;
        }
    }
    writeln!(out)?;
    next(position, out)
}

fn changed(first: &str, checks: &[String], out: &mut impl Write) -> io::Result<()> {
    if checks.is_empty() { Ok(()) } else { paragraph(first, &checks.join(", "), out) }
}

/// The next thing to do, in the first lab that has one.
fn next(position: &Position, out: &mut impl Write) -> io::Result<()> {
    for (progress, report) in &position.labs {
        if let Some(place) = progress.next() {
            return step(place, report, out);
        }
        // A check that belongs to no step does not pass: the lab no longer does what it did when it was handed out.
        let short = report.fix_first.as_ref().map(|first| first.id.as_str());
        let short =
            short.or_else(|| report.checks.iter().find(|it| !it.as_expected).map(|it| it.id.as_str()));
        if let Some(check) = short.and_then(|id| report.checks.iter().find(|check| check.id == id)) {
            writeln!(out, "Next: {} has every step, but does not pass", progress.lab)?;
            reason(check, out)?;
            return commands(&[format!("grader explain {}", check.id)], out);
        }
    }
    let number = |lab: &str| labs::ALL.iter().position(|known| *known == lab);
    let last = position.labs.iter().filter_map(|(progress, _)| number(&progress.lab)).max();
    match last.and_then(|last| labs::ALL.get(last + 1)) {
        Some(lab) => {
            writeln!(out, "Next: {lab}. Every step so far passes.")?;
            commands(&[format!("grader run {lab}"), format!("grader watch {lab}")], out)
        }
        None => {
            writeln!(out, "Every step passes. Nothing is left to write: hand it in.")?;
            commands(&["grader pack".to_owned()], out)
        }
    }
}

fn step(place: &StepProgress, report: &TargetReport, out: &mut impl Write) -> io::Result<()> {
    let (id, lab) = (&place.step.id, &report.name);
    let at = place.marker.as_ref().map(|(file, line)| format!(" in {}:{line}", file.display()));
    let at = at.unwrap_or_else(|| format!(" in {lab}"));
    let explain = format!("grader explain {id}");
    let red = || report.checks.iter().filter(|check| place.red.contains(&check.id));
    if place.state == StepState::Todo {
        writeln!(out, "Next: {}{at}", id.name)?;
        paragraph("  ", first_sentence(&place.step.goal), out)?;
        let list = |kind| {
            red()
                .filter(|check| check.kind == kind)
                .map(|check| check.id.as_str())
                .collect::<Vec<_>>()
                .join(", ")
        };
        for (label, list) in
            [("  It stops ", list(CheckKind::Attempt)), ("  It is needed by: ", list(CheckKind::Works))]
        {
            if !list.is_empty() {
                paragraph(label, &list, out)?;
            }
        }
        return commands(&[explain, format!("grader watch {lab}")], out);
    }
    writeln!(out, "Next: {}{at}\n  It is written, but does not pass yet:", id.name)?;
    red().try_for_each(|check| reason(check, out))?;
    let attempt = red().find(|check| check.kind == CheckKind::Attempt);
    let slowly = attempt.map(|check| format!("grader try {} --in {lab}", check.id));
    commands(&slowly.into_iter().chain([explain]).collect::<Vec<_>>(), out)
}

fn reason(check: &Check, out: &mut impl Write) -> io::Result<()> {
    paragraph("  ", &format!("{}: {} ({})", check.id, check.verdict, check.why), out)
}

fn commands(commands: &[String], out: &mut impl Write) -> io::Result<()> {
    commands.iter().try_for_each(|command| writeln!(out, "    {command}"))
}

fn first_sentence(text: &str) -> &str {
    text.split_inclusive(". ").next().unwrap_or(text).trim()
}

/// Words after `first`, wrapped; the lines that follow are indented by four.
fn paragraph(first: &str, words: &str, out: &mut impl Write) -> io::Result<()> {
    let rest = if first.is_empty() { "" } else { "    " };
    writeln!(out, "{}", text::wrap(first, rest, words, WIDTH))
}

#[cfg(test)]
mod tests;
