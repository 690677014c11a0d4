//! The output of `grader explain`: an attempt, a works check or a step.

use crate::labs;
use crate::labs::steps::{Step, losing, to_come};
use attempts::attempts::{ALL, Attempt};
use attempts::works::{self, Work};
use std::io::{self, Write};

/// Writes the names of everything that can be explained.
///
/// # Errors
/// Those of `out`.
pub fn list(steps: &[Step], out: &mut dyn Write) -> io::Result<()> {
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

/// Explains an attempt: what it does, and what stops it.
///
/// # Errors
/// Those of `out`.
pub fn attack(attempt: &Attempt, steps: &[Step], out: &mut dyn Write) -> io::Result<()> {
    writeln!(out, "{}: an attempt\n\n{}\n\nAt stake: {}\n", attempt.id, attempt.story, attempt.stake)?;
    // A test ensures that every attempt has some.
    writeln!(out, "By hand, as root in a shell inside the container:")?;
    for command in attempt.by_hand {
        writeln!(out, "  {command}")?;
    }
    writeln!(
        out,
        "Step by step, on a decoy host: grader try {} --in lab{}",
        attempt.id,
        escapes_in(attempt)
    )?;
    writeln!(out, "\nStopped from lab {} on, by:", attempt.first_lab())?;
    for id in attempt.stopped_by {
        match steps.iter().find(|step| step.id.to_string() == *id) {
            Some(step) => stands(step, out)?,
            None => {
                writeln!(out, "  {id}    a lab still to come")?;
                to_come::mechanism(id).iter().try_for_each(|mechanism| writeln!(out, "    {mechanism}"))?;
            }
        }
    }
    writeln!(out, "\nMeasured in the reference labs:")?;
    let settings = [
        ("grader as root", attempt.letters.root),
        ("the same with --decoy user", attempt.letters.user),
        ("grader as an ordinary user", attempt.letters.rootless),
    ];
    for (setting, letters) in settings {
        writeln!(out, "  {setting:<28}{}", measured(letters))?;
    }
    writeln!(out)?;
    waits_for(attempt.after, out)?;
    writeln!(out, "Read: {}", attempt.man.join(", "))
}

/// A step, and its place in the source.
fn stands(step: &Step, out: &mut dyn Write) -> io::Result<()> {
    writeln!(out, "  {}    {}:{}", step.id, step.file.display(), step.line)
}

/// A lab in which the attempt escapes.
fn escapes_in(attempt: &Attempt) -> usize {
    (0..labs::ALL.len()).find(|lab| attempt.letter(*lab, attempt.letters.root) == Some('E')).unwrap_or(0)
}

/// The measured verdicts on the bare decoy host and in the existing labs, in words.
fn measured(letters: &str) -> String {
    let (bare, all) = letters.split_once(' ').unwrap_or_default();
    let of = |letter| -> Vec<usize> {
        all.chars().take(labs::ALL.len()).enumerate().filter(|(_, it)| *it == letter).map(|it| it.0).collect()
    };
    let (escapes, blocked) = (of('E'), of('B'));
    let mut words = Vec::new();
    match (bare, escapes.as_slice()) {
        ("E", []) => words.push("escapes on the bare host".to_owned()),
        ("E", escapes) => words.push(format!("escapes on the bare host and in {}", numbered(escapes))),
        _ => return "can't be judged".into(),
    }
    if !blocked.is_empty() {
        words.push(format!("blocked in {}", numbered(&blocked)));
    }
    words.join("; ")
}

fn numbered(labs: &[usize]) -> String {
    let numbers: Vec<String> = labs.iter().map(usize::to_string).collect();
    match numbers.split_last() {
        Some((last, [])) => format!("lab {last}"),
        Some((last, before)) => format!("labs {} and {last}", before.join(", ")),
        None => String::new(),
    }
}

/// Explains a works check.
///
/// # Errors
/// Those of `out`.
pub fn works_check(work: &Work, steps: &[Step], out: &mut dyn Write) -> io::Result<()> {
    let (id, what, lab) = (work.id, work.what, work.first_lab);
    writeln!(out, "{id}: a works check\n\n{what}\n\nRequired from lab {lab} on.")?;
    let losing = losing(id);
    let losing: Vec<&Step> = steps.iter().filter(|step| losing.contains(&step.id)).collect();
    if !losing.is_empty() {
        writeln!(out, "\nFails without:")?;
        losing.into_iter().try_for_each(|step| stands(step, out))?;
    }
    writeln!(out)?;
    waits_for(work.after, out)?;
    writeln!(out, "Read: {}", work.man.join(", "))
}

/// The prerequisites of a check.
fn waits_for(after: &[&str], out: &mut dyn Write) -> io::Result<()> {
    if after.is_empty() { Ok(()) } else { writeln!(out, "Prerequisites: {}", after.join(", ")) }
}

/// Explains a step.
///
/// # Errors
/// Those of `out`.
pub fn defence(step: &Step, out: &mut dyn Write) -> io::Result<()> {
    writeln!(out, "{}: a step\n\n{}\n\n{}:{}", step.id, step.goal, step.file.display(), step.line)?;
    for line in step.body.lines() {
        writeln!(out, "    {line}")?;
    }
    let id = step.id.to_string();
    let stops = ALL.iter().filter(|attempt| attempt.stopped_by.contains(&id.as_str()));
    let stops: Vec<&str> = stops.map(|attempt| attempt.id).collect();
    let lost = step.lost.iter().map(String::as_str).filter(|id| !stops.contains(id));
    let (works, others): (Vec<&str>, Vec<&str>) = lost.partition(|id| Work::find(id).is_some());
    let rows = [("Stops", stops), ("Needed by", works), ("Escape without it", others)];
    let rows: Vec<_> = rows.iter().filter(|(_, ids)| !ids.is_empty()).collect();
    if !rows.is_empty() {
        writeln!(out)?;
    }
    rows.into_iter().try_for_each(|(word, ids)| writeln!(out, "{word}: {}", ids.join(", ")))?;
    writeln!(out, "\nRead: {}", step.man.join(", "))
}
