//! The board: draws the state of a watch on a terminal. Each colour comes with a word and a sign.

mod text;

use super::builder::End;
use super::pages;
use super::setting::PageContext;
use super::state::{CheckRow, Mark, Phase, View, WatchState, word};
use crate::labs;
use crate::report::CheckKind;
use crate::text::{is_hidden, line as shown};
use ratatui_core::layout::Rect;
use ratatui_core::style::{Color, Modifier, Style};
use ratatui_core::terminal::Frame;
use ratatui_core::text::{Line, Span};

/// With fewer lines the step's goal is left out.
const SMALL: u16 = 14;

/// Draws it, and returns the first visible line of the list or page, which is limited by the content.
pub fn draw(frame: &mut Frame, state: &WatchState, context: &PageContext, colours: bool) -> usize {
    let area = frame.area();
    let look = Look { colours, width: usize::from(area.width) };
    let mut head = vec![look.title(state), look.status(state)];
    head.extend(look.step(state, area.height));
    if area.height >= SMALL {
        for line in pages::beside(state, context) {
            head.extend(text::lines(&line, look.width, true, colours));
        }
    }
    head.extend(state.note.as_ref().map(|note| Line::from(note.clone())));
    let keys = Line::from("h hint  e explain  t try  r rerun  n next  m messages  ? keys  q quit");
    let keys =
        if keys.width() > look.width { Line::from("h hint e explain t try ? keys q quit") } else { keys };

    let room = usize::from(area.height).saturating_sub(head.len() + 1);
    let (body, scroll) = match pages::page(state, context) {
        None => look.list(state, room),
        Some(page) => {
            let lines = text::lines(&page, look.width, state.view != View::Messages, colours);
            let scroll = state.scroll.min(lines.len().saturating_sub(room));
            (lines, scroll)
        }
    };
    let more = body.len().saturating_sub(scroll + room);
    let mut lines = head;
    let body_at = lines.len();
    lines.extend(body.into_iter().skip(scroll).take(room));
    for (at, line) in (0..).zip(&lines) {
        put(frame, area, at, line);
    }
    if more > 0 {
        put_right(
            frame,
            area,
            (body_at + room).saturating_sub(1) as u16,
            &Line::from(format!(" {more} more ")),
        );
    }
    put(frame, area, area.height.saturating_sub(1), &keys.style(look.dim()));
    scroll
}

/// Puts a line into its place, sanitized: no escape sequence reaches the terminal.
fn put(frame: &mut Frame, area: Rect, at: u16, line: &Line) {
    let mut line = line.clone();
    for span in line.spans.iter_mut().filter(|span| span.content.contains(is_hidden)) {
        span.content = shown(&span.content).into();
    }
    if at < area.height {
        frame.render_widget(line, Rect { y: area.y + at, height: 1, ..area });
    }
}

fn put_right(frame: &mut Frame, area: Rect, at: u16, line: &Line) {
    let width = (line.width() as u16).min(area.width);
    if at < area.height {
        let place = Rect { x: area.right() - width, y: area.y + at, width, height: 1 };
        frame.render_widget(line.clone().style(Style::new().add_modifier(Modifier::REVERSED)), place);
    }
}

struct Look {
    colours: bool,
    width: usize,
}

impl Look {
    fn colour(&self, colour: Color) -> Style {
        if self.colours { Style::new().fg(colour) } else { Style::new() }
    }

    fn dim(&self) -> Style {
        self.colour(Color::DarkGray)
    }

    fn of(&self, mark: Mark) -> Style {
        match mark {
            Mark::Good => self.colour(Color::Green),
            Mark::Short => self.colour(Color::Red),
            Mark::Waits | Mark::Unclear => self.colour(Color::Yellow),
            // Neither red nor green: no verdict is required or known.
            Mark::Machine | Mark::Unknown | Mark::Later(_) => self.dim(),
        }
    }

    fn title(&self, state: &WatchState) -> Line<'static> {
        let mut title = format!(" {}", state.name());
        if let Some(report) = &state.report {
            title.push_str(&format!("  points {}", report.standing()));
        }
        let (hold, of) = (state.progress.passed(), state.progress.steps.len());
        title.push_str(&format!("  steps {hold} of {of}"));
        Line::styled(format!("{title:<0$}", self.width), Style::new().add_modifier(Modifier::REVERSED))
    }

    fn status(&self, state: &WatchState) -> Line<'static> {
        let failed = state.built.as_ref().filter(|built| !matches!(built.end, End::Made(_)));
        match (&state.phase, failed) {
            (Phase::Building(said), _) => Line::from(format!("building: {said}")),
            (Phase::Grading(done, all), _) => Line::from(format!("grading: {done} of {all}")),
            (Phase::Idle, Some(built)) => {
                let short = match built.end {
                    End::Failed => "does not compile",
                    _ => "was not built",
                };
                let old = if state.report.is_some() { "; the verdicts are of the last build" } else { "" };
                Line::styled(format!("x {short}{old}"), self.colour(Color::Red))
            }
            (Phase::Idle, None) if state.current => {
                let (run, built) =
                    state.built.as_ref().map_or((0, 0.0), |it| (it.number, it.took.as_secs_f64()));
                let warnings = state.built.as_ref().map_or(0, |built| built.said.len());
                let warned = if warnings > 0 { "; warnings: m" } else { "" };
                let graded = state.graded_in.as_secs_f64();
                Line::from(format!("run {run}: built in {built:.1} s, graded in {graded:.1} s{warned}"))
            }
            (Phase::Idle, None) => Line::from("waiting for a save"),
        }
    }

    /// The student's current step, in the lines that are available.
    fn step(&self, state: &WatchState, height: u16) -> Vec<Line<'static>> {
        let Some(place) = state.progress.next() else {
            let done = state.current && state.progress.steps.iter().all(|place| place.red.is_empty());
            return match (done, state.report.as_ref().and_then(|report| report.fix_first.as_ref())) {
                (_, Some(mend)) => vec![Line::from(format!("fix first: {}: {}", mend.id, mend.why))],
                (true, None) if state.lab + 1 == labs::ALL.len() => vec![Line::from("every step passes")],
                (true, None) => vec![Line::from("every step passes. n: the next lab")],
                (false, None) => Vec::new(),
            };
        };
        let name = Span::styled(place.step.id.name.clone(), Style::new().add_modifier(Modifier::BOLD));
        let stands = format!(": {}, {}", pages::stands(place), pages::whereabouts(place));
        let mut lines = vec![Line::from(vec![Span::raw("step "), name, Span::raw(stands)])];
        if lines[0].width() > self.width && height >= SMALL / 2 {
            let place = lines[0].spans.pop();
            lines.extend(place.map(|place| Line::from(place.content.trim_start_matches(": ").to_owned())));
        }
        if height >= SMALL {
            let goal = text::lines(&place.step.goal.replace('\n', " "), self.width, true, self.colours);
            lines.extend(goal.into_iter().take(usize::from(height / 6)));
            lines.push(Line::default());
        }
        lines
    }

    /// The checks, and the first visible line of them, such that the selected one is visible.
    fn list(&self, state: &WatchState, room: usize) -> (Vec<Line<'static>>, usize) {
        let chosen = state.chosen();
        let mut lines = Vec::new();
        let mut at = 0;
        let mut heading = "";
        for row in state.rows() {
            let kind = match (row.mark, attempts::works::Work::find(row.id)) {
                (Mark::Later(_), _) => "required by later labs",
                (_, Some(_)) => "works checks",
                (_, None) => "attempts",
            };
            if kind != heading {
                heading = kind;
                lines.push(Line::styled(counted(kind, state), Style::new().add_modifier(Modifier::BOLD)));
            }
            let is_chosen = chosen == Some(row.id);
            if is_chosen {
                at = lines.len();
            }
            lines.push(self.row(&row, state, is_chosen));
        }
        // The heading above the first row belongs to that row.
        let above = if at <= 1 { 0 } else { at };
        let scroll = state.scroll.min(above).max((at + 1 + room / 4).saturating_sub(room));
        let scroll = scroll.min(lines.len().saturating_sub(room));
        (lines, scroll)
    }

    fn row(&self, row: &CheckRow, state: &WatchState, is_chosen: bool) -> Line<'static> {
        let style = self.of(row.mark);
        let word = word(row, state.check(row.id));
        let id = if row.of_step { style.add_modifier(Modifier::BOLD) } else { style };
        let mut spans = vec![
            Span::raw(if is_chosen { ">" } else { " " }),
            Span::styled(format!("{} ", row.mark.sign()), style),
            Span::styled(format!("{:<21} ", row.id), id),
            Span::styled(format!("{word:<10} "), style),
        ];
        if let Some(was) = row.was {
            spans.push(Span::styled(format!("was {was} "), Style::new().add_modifier(Modifier::BOLD)));
        }
        spans.push(Span::raw(shown(&row.why)));
        let line = Line::from(spans);
        if is_chosen { line.style(Style::new().add_modifier(Modifier::REVERSED)) } else { line }
    }
}

fn counted(kind: &str, state: &WatchState) -> String {
    let of = |(good, all): (usize, usize), word| match all {
        0 => kind.to_owned(),
        _ => format!("{kind}: {good} of {all} {word}"),
    };
    match kind {
        "works checks" => of(state.good(CheckKind::Works), "work"),
        "attempts" => of(state.good(CheckKind::Attempt), "blocked"),
        _ => kind.to_owned(),
    }
}

#[cfg(test)]
mod tests;
