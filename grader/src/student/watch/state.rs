//! The state of the board, and how keys change it. Nothing here draws, builds or grades.

use super::builder::{Built, End};
use super::grading_thread::attempts_of;
use super::key::KeyPress;
use crate::labs;
use crate::labs::steps::{Source, Step, StepId};
use crate::report::{Cause, Check, CheckKind, DecoyKind, TargetReport, Verdict};
use crate::student::lab_progress::LabProgress;
use attempts::attempts::ALL as ATTEMPTS;
use attempts::works::ALL as WORKS;
use std::collections::BTreeMap;
use std::time::Duration;

/// What the session must do after a key.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Action {
    /// Draw the board again.
    Show,
    /// Show one more hint if the hints are shown, and record it.
    Hint,
    /// Build and grade again.
    Rerun,
    /// Stop the build.
    Stop,
    /// Change to this lab.
    Turn(usize),
    /// End.
    Quit,
}

/// What is running.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Phase {
    /// Nothing: waiting for a save.
    Idle,
    /// Cargo, with its last status line.
    Building(String),
    /// Grading: trials done, trials in all.
    Grading(usize, usize),
}

/// What is shown.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum View {
    /// The checks.
    Board,
    /// The compiler's messages.
    Messages,
    /// The hints for the step, as many as were requested.
    Hint,
    /// The explanation of the selected check.
    Explain,
    /// The selected check in detail.
    Try,
    /// The list of keys.
    Help,
}

/// The state of one watch.
pub struct WatchState {
    /// The lab, by its number.
    pub lab: usize,
    /// What goes on.
    pub phase: Phase,
    /// The last build that is not stale.
    pub built: Option<Built>,
    /// The verdicts of the last program that was graded.
    pub report: Option<TargetReport>,
    /// Whether that program was built from the current source, as far as is known.
    pub current: bool,
    /// How long its grading took.
    pub graded_in: Duration,
    /// The previous verdicts, by the check's name.
    pub before: BTreeMap<String, Verdict>,
    /// The student's progress.
    pub progress: LabProgress,
    /// What is shown.
    pub view: View,
    /// The first visible line.
    pub scroll: usize,
    /// The check that the person has selected; none: the one to fix first.
    pub selected: Option<String>,
    /// A note, in one line.
    pub note: Option<String>,
    hints: BTreeMap<StepId, usize>,
    reference: Vec<Step>,
    decoy: DecoyKind,
}

/// One check on the board.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CheckRow<'a> {
    /// Its name.
    pub id: &'a str,
    /// Its mark.
    pub mark: Mark,
    /// The previous verdict, where it was different.
    pub was: Option<Verdict>,
    /// The reason, in one line.
    pub why: String,
    /// Whether the current step affects it.
    pub of_step: bool,
}

/// The mark of a check.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Mark {
    /// It passes.
    Good,
    /// It does not pass.
    Short,
    /// A prerequisite does not pass.
    Waits,
    /// This machine can't judge it.
    Machine,
    /// There is no verdict, because of the program.
    Unclear,
    /// It has not been run yet.
    Unknown,
    /// The lab with this number is the first to require it.
    Later(usize),
}

impl WatchState {
    /// The initial state. `reference` are the reference steps.
    pub fn new(lab: usize, decoy: DecoyKind, reference: Vec<Step>, source: &Source) -> WatchState {
        let progress = LabProgress::of(labs::ALL[lab], &reference, source, None);
        WatchState {
            lab,
            phase: Phase::Idle,
            built: None,
            report: None,
            current: false,
            graded_in: Duration::ZERO,
            before: BTreeMap::new(),
            progress,
            view: View::Board,
            scroll: 0,
            selected: None,
            note: None,
            hints: BTreeMap::new(),
            reference,
            decoy,
        }
    }

    /// The lab's name.
    pub fn name(&self) -> &'static str {
        labs::ALL[self.lab]
    }

    /// Changes to another lab.
    pub fn turn(&mut self, lab: usize, source: &Source) {
        self.lab = lab;
        (self.phase, self.built, self.report, self.current) = (Phase::Idle, None, None, false);
        self.before.clear();
        (self.view, self.scroll, self.selected, self.note) = (View::Board, 0, None, None);
        self.stand(source);
    }

    /// Handles the end of a build. A failed build shows the compiler's messages; a successful one hides them.
    pub fn built(&mut self, built: Built) {
        self.phase = Phase::Idle;
        let made = matches!(built.end, End::Made(_));
        self.current = false;
        if !made {
            (self.view, self.scroll) = (View::Messages, 0);
        } else if self.view == View::Messages {
            (self.view, self.scroll) = (View::Board, 0);
        }
        self.built = Some(built);
    }

    /// Handles a report.
    pub fn graded(&mut self, report: TargetReport, took: Duration, source: &Source) {
        self.phase = Phase::Idle;
        if let Some(old) = &self.report {
            self.before = old.checks.iter().map(|check| (check.id.clone(), check.verdict)).collect();
        }
        (self.graded_in, self.current) = (took, true);
        self.report = Some(report);
        self.stand(source);
    }

    /// Computes the student's progress again.
    pub fn stand(&mut self, source: &Source) {
        let report = self.report.as_ref().map(|report| (report, self.decoy));
        self.progress = LabProgress::of(self.name(), &self.reference, source, report);
    }

    /// Handles a key.
    pub fn press(&mut self, key: KeyPress, page: usize) -> Action {
        match key {
            KeyPress::Quit => return Action::Quit,
            KeyPress::Rerun => return Action::Rerun,
            KeyPress::Stop => return Action::Stop,
            KeyPress::Next if self.lab + 1 < labs::ALL.len() => return Action::Turn(self.lab + 1),
            KeyPress::Previous if self.lab > 0 => return Action::Turn(self.lab - 1),
            KeyPress::Next => self.note = Some("this is the last lab".into()),
            KeyPress::Previous => self.note = Some("this is the first lab".into()),
            KeyPress::Hint => {
                let one_more = self.view == View::Hint || self.hints_shown() == 0;
                self.show(View::Hint);
                if one_more {
                    return Action::Hint;
                }
            }
            KeyPress::Explain => self.show(View::Explain),
            KeyPress::Try => self.show(View::Try),
            KeyPress::Messages => self.show(View::Messages),
            KeyPress::Help => self.show(View::Help),
            KeyPress::Back => self.show(View::Board),
            KeyPress::Up => self.go(-1),
            KeyPress::Down => self.go(1),
            KeyPress::PageUp => self.go(-(page.max(1) as isize)),
            KeyPress::PageDown => self.go(page.max(1) as isize),
            KeyPress::Top => self.go(-(i32::MAX as isize)),
            KeyPress::Bottom => self.go(i32::MAX as isize),
        }
        Action::Show
    }

    fn show(&mut self, view: View) {
        if self.view != view {
            (self.view, self.scroll) = (view, 0);
        }
    }

    /// On the board: selects another check. On a page: scrolls.
    fn go(&mut self, lines: isize) {
        if self.view != View::Board {
            self.scroll = self.scroll.saturating_add_signed(lines);
            return;
        }
        let rows = self.rows();
        let Some(last) = rows.len().checked_sub(1) else { return };
        let now = self.chosen().and_then(|id| rows.iter().position(|row| row.id == id)).unwrap_or(0);
        let then = now.saturating_add_signed(lines).min(last);
        self.selected = Some(rows[then].id.to_owned());
    }

    /// How many hints for the step have been shown.
    pub fn hints_shown(&self) -> usize {
        let step = self.progress.next().map(|place| &place.step.id);
        step.and_then(|id| self.hints.get(id)).copied().unwrap_or(0)
    }

    /// Shows one more hint for the step; the first time as many as were shown in an earlier watch. Returns how many are
    /// shown.
    pub fn one_more_hint(&mut self, long_ago: usize) -> usize {
        let Some(place) = self.progress.next() else { return 0 };
        let all = place.step.hints.len();
        let shown = self.hints.entry(place.step.id.clone()).or_default();
        *shown = if *shown == 0 { long_ago.max(1) } else { *shown + 1 }.min(all);
        *shown
    }

    /// The check that `explain` and `try` apply to: the one selected, else the first of the student's step that does
    /// not pass, else the one to fix first.
    pub fn chosen(&self) -> Option<&str> {
        if let Some(id) = &self.selected {
            return Some(id);
        }
        let of_step = self.progress.next().and_then(|place| place.red.first());
        let first = || self.report.as_ref()?.fix_first.as_ref().map(|mend| mend.id.as_str());
        let any = || ATTEMPTS.iter().find(|attempt| attempt.first_lab() == self.lab).map(|it| it.id);
        of_step.map(String::as_str).or_else(first).or_else(any)
    }

    /// The check with this id, if it was graded.
    pub fn check(&self, id: &str) -> Option<&Check> {
        self.report.as_ref()?.checks.iter().find(|check| check.id == id)
    }

    /// The checks on the board: works checks, attempts that this lab must block, attempts of later labs.
    pub fn rows(&self) -> Vec<CheckRow<'_>> {
        let works = WORKS.iter().filter(|work| work.first_lab <= self.lab).map(|work| self.row(work.id));
        let attempts = attempts_of(self.lab).into_iter().map(|attempt| self.row(attempt.id));
        let mut later: Vec<_> = ATTEMPTS.iter().filter(|attempt| attempt.first_lab() > self.lab).collect();
        later.sort_by_key(|attempt| attempt.first_lab());
        let later = later.into_iter().map(|attempt| CheckRow {
            id: attempt.id,
            mark: Mark::Later(attempt.first_lab()),
            was: None,
            why: String::new(),
            of_step: false,
        });
        works.chain(attempts).chain(later).collect()
    }

    fn row(&self, id: &'static str) -> CheckRow<'_> {
        let of_step = self.progress.next().is_some_and(|place| place.step.lost.iter().any(|lost| lost == id));
        let Some(check) = self.check(id) else {
            return CheckRow { id, mark: Mark::Unknown, was: None, why: String::new(), of_step };
        };
        let why = match check.waiting_for.as_slice() {
            [] => check.why.clone(),
            waiting => format!("for {}", waiting.join(", ")),
        };
        let was = self.before.get(id).copied().filter(|was| *was != check.verdict);
        CheckRow { id, mark: mark(check), was, why, of_step }
    }

    /// The checks whose verdict has changed since the previous grading, each with the previous verdict; all of them the
    /// first time.
    pub fn changes(&self) -> impl Iterator<Item = (&Check, Option<Verdict>)> {
        let checks = self.report.iter().flat_map(|report| &report.checks);
        checks.filter_map(|check| match self.before.get(&check.id) {
            Some(was) if *was == check.verdict => None,
            was => Some((check, was.copied())),
        })
    }

    /// How many of the attempts, or of the works checks, pass, and how many there are.
    pub fn good(&self, kind: CheckKind) -> (usize, usize) {
        let of_kind = |check: &&Check| check.kind == kind;
        let checks: Vec<&Check> =
            self.report.iter().flat_map(|report| &report.checks).filter(of_kind).collect();
        (checks.iter().filter(|check| mark(check) == Mark::Good).count(), checks.len())
    }
}

fn mark(check: &Check) -> Mark {
    match (check.verdict, check.cause) {
        (Verdict::Blocked | Verdict::Works, _) => Mark::Good,
        (Verdict::Escaped | Verdict::Fails, _) => Mark::Short,
        (Verdict::Inconclusive, Some(Cause::Waiting)) => Mark::Waits,
        (Verdict::Inconclusive, Some(Cause::Machine)) => Mark::Machine,
        (Verdict::Inconclusive, _) => Mark::Unclear,
    }
}

impl Mark {
    /// One character that shows it without colours.
    pub fn sign(self) -> char {
        match self {
            Mark::Good => '+',
            Mark::Short => 'x',
            Mark::Waits => '~',
            Mark::Machine | Mark::Unclear => '?',
            Mark::Unknown => ' ',
            Mark::Later(_) => '.',
        }
    }
}

/// The word for a check's verdict.
pub fn word(row: &CheckRow, check: Option<&Check>) -> String {
    match row.mark {
        Mark::Waits => "waits".into(),
        Mark::Machine | Mark::Unclear => "no verdict".into(),
        Mark::Unknown => "...".into(),
        Mark::Later(lab) => format!("lab {lab}"),
        Mark::Good | Mark::Short => check.map_or_else(String::new, |check| check.verdict.to_string()),
    }
}
