//! The board's text pages: hints, explanations, an attempt in detail.

use super::builder::{Built, End, EndedBy};
use super::setting::PageContext;
use super::state::{View, WatchState};
use crate::formats::explain;
use crate::formats::story::{self, StoryContext, Wanted};
use crate::labs::steps::Step;
use crate::student::lab_progress::{StepProgress, StepState};
use attempts::attempts::Attempt;
use attempts::works::Work;

/// The current page's text, with the compiler's colours in it. None for the board.
pub fn page(state: &WatchState, context: &PageContext) -> Option<String> {
    Some(match state.view {
        View::Board => return None,
        View::Messages => messages(state),
        View::Hint => hint(state),
        View::Explain => explained(state),
        View::Try => tried(state, context),
        View::Help => HELP.to_owned(),
    })
}

const HELP: &str = "\
Save a file: the lab is built and graded again.

  h        a hint for the step that you are at; again: the next one, of three
  e        explain the selected check
  t        try: what the attacker did, what the host saw, what is missing
  m        what the compiler said
  b, Esc   back to the board
  Up Down  select a check, or move the page; also j k, PgUp PgDn, Home End
  r        rerun: build and grade once more
  s        stop the build that is under way
  n  p     the next lab, the one before
  q        quit

  + as it should be   ~x does not pass   ~~ waits for another check
  ? no verdict        . a later lab is the first to ask for it
";

/// Notes on the verdicts, one a line.
pub fn beside(state: &WatchState, context: &PageContext) -> Vec<String> {
    let mut lines = Vec::new();
    let steps = &state.progress.steps;
    if state.lab > 0 && !steps.is_empty() && steps.iter().all(|place| place.state == StepState::Todo) {
        lines.push("red is expected: a lab without its steps is no more than the lab before it".into());
    }
    let checks = state.report.iter().flat_map(|report| &report.checks);
    let unjudged = checks.filter(|check| check.is_unjudgeable_here()).count();
    if unjudged > 0 {
        let command = context.way_out.as_deref().unwrap_or("grader doctor");
        lines.push(format!(
            "? {unjudged} not judged, not your fault: this machine can't, another will. This helps: {command}"
        ));
    }
    lines
}

/// The current step: its name, state, place and goal.
pub fn goal(place: &StepProgress) -> String {
    format!("{}: {}\n{}\n\n{}\n", place.step.id, stands(place), whereabouts(place), place.step.goal.trim())
}

/// The state of a step, in words.
pub fn stands(place: &StepProgress) -> String {
    match &place.state {
        StepState::Todo => "still to be written".into(),
        StepState::Short => "written, but does not pass".into(),
        StepState::Waits(other) => format!("written, and waits for {other}"),
        StepState::Passed => "holds".into(),
    }
}

/// The place of a step in the student's source.
pub fn whereabouts(place: &StepProgress) -> String {
    match &place.marker {
        Some((file, line)) => format!("{}:{line}", file.display()),
        None => "your source has no marker for it".into(),
    }
}

fn hint(state: &WatchState) -> String {
    let Some(place) = state.progress.next() else {
        return format!("Every step of {} passes.\n", state.name());
    };
    let shown = state.hints_shown();
    let mut text = goal(place);
    for (number, hint) in place.step.hints.iter().enumerate().take(shown) {
        text.push_str(&format!("\nHint {} of 3: {hint}\n", number + 1));
    }
    text.push_str(&format!("\nRead: {}\n", place.step.man.join(", ")));
    if shown < place.step.hints.len() {
        text.push_str("\nh: one more hint\n");
    }
    text
}

fn explained(state: &WatchState) -> String {
    let Some(id) = state.chosen() else { return "There is no check to explain.\n".into() };
    // The steps are the student's. The reference code is not shown: it is the solution.
    let steps: Vec<Step> = state.progress.steps.iter().map(placed).collect();
    let mut text = Vec::new();
    let _ = match (Attempt::find(id), Work::find(id)) {
        (Some(attempt), _) => explain::attack(attempt, &steps, &mut text),
        (None, Some(work)) => explain::works_check(work, &steps, &mut text),
        (None, None) => Ok(()),
    };
    String::from_utf8_lossy(&text).into_owned()
}

fn placed(place: &StepProgress) -> Step {
    let mut step = place.step.clone();
    if let Some((file, line)) = &place.marker {
        (step.file, step.line) = (file.clone(), *line);
    }
    step
}

fn tried(state: &WatchState, context: &PageContext) -> String {
    let Some(id) = state.chosen() else { return "There is nothing to try.\n".into() };
    let (Some(report), Some(check)) = (&state.report, state.check(id)) else {
        let lab = state.name();
        return format!(
            "{id} was not run: {lab} is not asked for it, or was not graded yet.\nTo see it: grader try {id} --in {lab}\n"
        );
    };
    let Some(attempt) = Attempt::find(id) else {
        let what = Work::find(id).map_or("", |work| work.what);
        let mut text = format!("{id} in {}: {}\n  {}\n\n{what}\n", report.name, check.verdict, check.why);
        for wanted in wanted(&state.progress.steps, id) {
            let place = wanted.place.unwrap_or_default();
            text.push_str(&format!(
                "\nWhat is missing\n  the step {}\n  {place}\n    {}\n",
                wanted.step,
                wanted.goal.trim()
            ));
        }
        return text;
    };
    let beside = StoryContext {
        wanted: wanted(&state.progress.steps, id),
        way_out: context.way_out.clone(),
        shell: shell(state.name(), &context.rootfs),
    };
    let mut text = Vec::new();
    let _ = story::write(report, check, attempt, &beside, &mut text);
    String::from_utf8_lossy(&text).into_owned()
}

/// The commands that open a shell inside a lab's container, on a disposable host.
pub fn shell(lab: &str, rootfs: &std::path::Path) -> Vec<String> {
    let rootfs = rootfs.to_string_lossy();
    vec![story::HOST.to_owned(), format!("cargo run -q -p {lab} -- {} /bin/sh", shell_words::quote(&rootfs))]
}

/// The missing steps that a check needs.
pub fn wanted(steps: &[StepProgress], check: &str) -> Vec<Wanted> {
    let lacks = |place: &&StepProgress| place.red.iter().any(|red| red == check);
    let wanted = |place: &StepProgress| Wanted {
        step: place.step.id.to_string(),
        todo: place.state == StepState::Todo,
        place: place.marker.is_some().then(|| whereabouts(place)),
        goal: place.step.goal.clone(),
    };
    let all: Vec<&StepProgress> = steps.iter().filter(lacks).collect();
    // Steps that are written are listed only where no unwritten step is left.
    let todo = all.iter().any(|place| place.state == StepState::Todo);
    all.into_iter().filter(|place| !todo || place.state == StepState::Todo).map(wanted).collect()
}

fn messages(state: &WatchState) -> String {
    let Some(built) = &state.built else { return "Nothing was built yet.\n".into() };
    let mut text = built.said.join("\n");
    if text.is_empty() && matches!(built.end, End::Made(_)) {
        return format!("{} compiles without a warning.\n", built.lab);
    }
    if let Some(line) = ended(built) {
        text = format!("{text}\n\n{line}").trim_start().to_owned();
    }
    text + "\n"
}

/// How a build ended, in words; none where it made a program.
pub fn ended(built: &Built) -> Option<String> {
    let lab = &built.lab;
    Some(match &built.end {
        End::Made(_) => return None,
        End::Failed => format!("{lab} does not compile."),
        End::Offline => format!("{lab} was not built: {}", crate::labs::offline::WAY_OUT),
        End::Killed(EndedBy::OutOfDate) => format!("the build of {lab} was stale, and was stopped."),
        End::Killed(EndedBy::Asked) => format!("the build of {lab} was stopped. r: build it again"),
        End::Killed(EndedBy::Limit) => {
            let seconds = built.took.as_secs();
            format!(
                "the build of {lab} timed out after {seconds} s, and was stopped.\n\
                 Does a build.rs, a macro or a const loop? r: build it again"
            )
        }
        End::NoCargo(why) => why.clone(),
    })
}
