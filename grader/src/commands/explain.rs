//! `grader explain [ATTEMPT|STEP]`: the attack, or the defence.

use super::Usage;
use super::common::Output;
use crate::labs::{self, Workspace};
use crate::starter;
use crate::steps::{Source, Step};
use anyhow::Result;
use attempts::attempts::{ALL, Attempt};
use attempts::works::{self, Work};
use std::io::{self, Write};

/// What `grader explain` takes.
#[derive(clap::Args)]
pub struct Options {
    /// An attempt, a works check, or a step (lab1-namespaces/pid-namespace, or pid-namespace alone)
    #[arg(value_name = "ATTEMPT|STEP")]
    name: Option<String>,
}

/// Explains.
pub fn run(options: &Options) -> Result<u8> {
    let steps = steps()?;
    let Some(name) = &options.name else {
        Output::Standard.finish(|out| list(&steps, out))?;
        return Ok(0);
    };
    let mut found = false;
    Output::Standard.finish(|out| {
        if let Some(attempt) = Attempt::find(name) {
            found = true;
            attack(attempt, &steps, out)?;
        }
        if let Some(work) = Work::find(name) {
            found = true;
            works_check(work, out)?;
        }
        for step in steps.iter().filter(|step| step.id.is_called(name)) {
            found = true;
            defence(step, out)?;
        }
        Ok(())
    })?;
    if !found {
        return Err(Usage(format!("{name}: neither an attempt nor a step; see: grader explain")).into());
    }
    Ok(0)
}

/// The steps as they stand around here. Where a student has lost a marker: as the student's workspace began.
fn steps() -> Result<Vec<Step>> {
    let Some(workspace) = Workspace::find() else { return Ok(Workspace::sources().steps()?) };
    match Source::read(workspace.root()).and_then(|source| Ok(source.steps()?)) {
        Err(_) if starter::is_students(workspace.root()) => Ok(starter::source()?.steps()?),
        found => found,
    }
}

fn list(steps: &[Step], out: &mut dyn Write) -> io::Result<()> {
    writeln!(out, "Attempts")?;
    for attempt in ALL {
        writeln!(out, "  {:<18} {}", attempt.id, attempt.stake)?;
    }
    writeln!(out, "\nWorks checks")?;
    for work in works::ALL {
        writeln!(out, "  {:<18} {}", work.id, work.what)?;
    }
    writeln!(out, "\nSteps")?;
    for step in steps {
        writeln!(out, "  {}", step.id)?;
    }
    Ok(())
}

/// Writes what an attempt does, and what stops it.
///
/// # Errors
/// Those of `out`.
pub fn attack(attempt: &Attempt, steps: &[Step], out: &mut dyn Write) -> io::Result<()> {
    writeln!(out, "{}: an attempt\n\n{}\n\nAt stake: {}\n", attempt.id, attempt.story, attempt.stake)?;
    if attempt.by_hand.is_empty() {
        writeln!(out, "By hand: no usual tool makes these calls.")?;
    } else {
        writeln!(out, "By hand, as root in a shell inside the container:")?;
    }
    for command in attempt.by_hand {
        writeln!(out, "  {command}")?;
    }
    writeln!(out, "Slowly, on a decoy host: grader try {} --in lab{}", attempt.id, escapes_in(attempt))?;
    writeln!(out, "\nStopped from lab {} on, by:", attempt.first_lab())?;
    for id in attempt.stopped_by {
        match steps.iter().find(|step| step.id.to_string() == *id) {
            Some(step) => writeln!(out, "  {id}    {}:{}", step.file.display(), step.line)?,
            None => writeln!(out, "  {id}    a lab still to come")?,
        }
    }
    writeln!(out, "\nMeasured, where it escapes:")?;
    let kinds = [
        ("root", attempt.letters.root),
        ("user, made by root", attempt.letters.user),
        ("user", attempt.letters.rootless),
    ];
    for (kind, letters) in kinds {
        writeln!(out, "  decoy host of the kind {kind:<19} {}", measured(attempt, letters))?;
    }
    writeln!(out)?;
    waits_for(attempt.after, out)?;
    writeln!(out, "Read: {}", attempt.man.join(", "))
}

/// A lab in which there is something to see.
fn escapes_in(attempt: &Attempt) -> usize {
    (0..labs::ALL.len()).find(|lab| attempt.letter(*lab, attempt.letters.root) == Some('E')).unwrap_or(0)
}

/// What an attempt came to in the reference labs, in words.
fn measured(attempt: &Attempt, letters: &'static str) -> String {
    let labs = (0..labs::ALL.len()).map(|lab| (format!("lab {lab}"), attempt.letter(lab, letters)));
    let all = [("bare host".to_owned(), letters.chars().next())].into_iter().chain(labs);
    let escapes: Vec<String> =
        all.filter(|(_, letter)| *letter == Some('E')).map(|(place, _)| place).collect();
    match letters.contains(|letter| letter != 'I' && letter != ' ') {
        false => "can't be judged".into(),
        true if escapes.is_empty() => "nowhere".into(),
        true => escapes.join(", "),
    }
}

/// Writes what a works check asks for.
///
/// # Errors
/// Those of `out`.
pub fn works_check(work: &Work, out: &mut dyn Write) -> io::Result<()> {
    let (id, what, lab) = (work.id, work.what, work.first_lab);
    writeln!(out, "{id}: a works check\n\n{what}\n\nAsked for from lab {lab} on.")?;
    waits_for(work.after, out)?;
    writeln!(out, "Read: {}", work.man.join(", "))
}

/// The checks without which one makes no sense.
fn waits_for(after: &[&str], out: &mut dyn Write) -> io::Result<()> {
    if after.is_empty() { Ok(()) } else { writeln!(out, "Makes no sense without: {}", after.join(", ")) }
}

fn defence(step: &Step, out: &mut dyn Write) -> io::Result<()> {
    writeln!(out, "{}: a step\n\n{}\n\n{}:{}", step.id, step.goal, step.file.display(), step.line)?;
    for line in step.body.lines() {
        writeln!(out, "    {line}")?;
    }
    let stops: Vec<_> = ALL
        .iter()
        .filter(|attempt| attempt.stopped_by.contains(&step.id.to_string().as_str()))
        .map(|attempt| attempt.id)
        .collect();
    if !stops.is_empty() {
        writeln!(out, "\nStops: {}", stops.join(", "))?;
    }
    writeln!(out, "\nRead: {}", step.man.join(", "))
}
