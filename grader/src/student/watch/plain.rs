//! The watch without a board: a line for each event, and for each verdict that has changed.

use super::Event;
use super::key::KeyPress;
use super::pages;
use super::setting::PageContext;
use super::state::WatchState;
use crate::report::CheckKind;
use crate::text::line;
use std::io::{self, BufRead, Write};
use std::sync::mpsc::Sender;
use std::thread;

/// An event to be printed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum PlainEvent {
    /// A build has begun.
    Building,
    /// A build has ended and is not stale.
    Built,
    /// A program was graded.
    Graded,
    /// There is a note.
    Note,
    /// A page was requested.
    Page,
}

/// Prints it.
///
/// # Errors
/// Those of `out`.
pub fn tell(
    news: PlainEvent,
    state: &WatchState,
    context: &PageContext,
    out: &mut dyn Write,
) -> io::Result<()> {
    match news {
        PlainEvent::Building => writeln!(out, "{}: building", state.name())?,
        PlainEvent::Built => built(state, out)?,
        PlainEvent::Graded => graded(state, context, out)?,
        PlainEvent::Note => {
            if let Some(note) = &state.note {
                writeln!(out, "{note}")?;
            }
        }
        PlainEvent::Page => write!(out, "{}", pages::page(state, context).unwrap_or_default())?,
    }
    out.flush()
}

fn built(state: &WatchState, out: &mut dyn Write) -> io::Result<()> {
    let Some(built) = &state.built else { return Ok(()) };
    built.said.iter().try_for_each(|said| writeln!(out, "{said}"))?;
    match pages::ended(built) {
        Some(line) => writeln!(out, "{line}"),
        None => writeln!(out, "{}: built in {:.1} s", built.lab, built.took.as_secs_f64()),
    }
}

fn graded(state: &WatchState, context: &PageContext, out: &mut dyn Write) -> io::Result<()> {
    for (check, was) in state.changes() {
        let was = was.map(|was| format!("{was} -> ")).unwrap_or_default();
        let why = if check.why.is_empty() { String::new() } else { format!(" ({})", line(&check.why)) };
        writeln!(out, "{}: {was}{}{why}", check.id, check.verdict)?;
    }
    let ((works, of_works), (blocked, of_attempts)) =
        (state.good(CheckKind::Works), state.good(CheckKind::Attempt));
    let report = state.report.as_ref();
    let points = report.map(|it| format!(", points {}", it.standing())).unwrap_or_default();
    writeln!(
        out,
        "{}: works checks {works} of {of_works}, attempts blocked {blocked} of {of_attempts}{points}; graded in {:.1} s",
        state.name(),
        state.graded_in.as_secs_f64()
    )?;
    if state.before.is_empty() {
        pages::beside(state, context).iter().try_for_each(|line| writeln!(out, "{line}"))?;
    }
    match state.progress.next() {
        Some(place) => {
            let (step, stands) = (&place.step.id, pages::stands(place));
            writeln!(out, "next: {step}: {stands}: {}", pages::whereabouts(place))
        }
        None => writeln!(out, "{}: every step passes", state.name()),
    }
}

/// Sends the keys from standard input, the first letter of each line, and its end.
pub fn listen(events: Sender<Event>) {
    thread::spawn(move || {
        for line in io::stdin().lock().lines() {
            let Ok(line) = line else { break };
            if let Some(key) = line.trim().chars().next().and_then(KeyPress::of)
                && events.send(Event::Key(key)).is_err()
            {
                return;
            }
        }
        let _ = events.send(Event::EndOfInput);
    });
}
