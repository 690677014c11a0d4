//! The way of a student: the steps put back one at a time, and what `steps.toml` says of each point of it.

use super::stage::workspace;
use attempts::attempts::ALL as ATTEMPTS;
use attempts::works::ALL as WORKS;
use grader::judge::points::Rubric;
use grader::judge::verdict::Outcome;
use grader::labs;
use grader::labs::steps::{Source, Step, StepId};
use grader::report::{Check, CheckKind, TargetKind, TargetReport};
use grader::student::starter;
use std::collections::BTreeMap;
use std::sync::OnceLock;

/// A lab of the student's, at one point of the way.
#[derive(Clone, Debug)]
pub struct Stop {
    /// How many of the steps are written.
    pub written: usize,
    /// The lab that is looked at.
    pub lab: usize,
}

/// The steps to be written, in order.
pub fn steps() -> &'static [Step] {
    static STEPS: OnceLock<Vec<Step>> = OnceLock::new();
    STEPS.get_or_init(|| {
        let all = Source::read(workspace()).unwrap().steps().unwrap();
        all.into_iter().filter(|step| step.id.lab != labs::ALL[0]).collect()
    })
}

/// The number of the lab that a step belongs to.
pub fn number(id: &StepId) -> usize {
    labs::ALL.iter().position(|lab| *lab == id.lab).unwrap()
}

/// What the student has after so many steps: the starter, and the reference's lines where its TODOs were.
pub fn source(written: usize) -> Source {
    let put_back: BTreeMap<&StepId, &String> =
        steps()[..written].iter().map(|step| (&step.id, &step.body)).collect();
    starter::source().unwrap().replace(|id, _| put_back.get(id).map(|body| (*body).clone())).unwrap()
}

/// Whether a check is green by `steps.toml` when the first `written` steps are in.
pub fn predicted(check: &str, stop: &Stop, user: bool) -> bool {
    let (written, missing) = steps().split_at(stop.written);
    let of_the_lab = |step: &&Step| number(&step.id) <= stop.lab;
    let names = |list: &[String]| list.iter().any(|lost| lost == check);
    // Without one of these it falls short,
    let needed = missing.iter().filter(of_the_lab).any(|step| {
        let lost = names(&step.lost) || user && names(&step.lost_user);
        // where nothing makes it fall short but what that one step covers.
        let covers = step.lost_with.get(check).is_none_or(|others| {
            written.iter().any(|other| other.id.lab == step.id.lab && others.contains(&other.id.name))
        });
        lost && covers
    });
    // One of these suffices.
    let mut each = steps().iter().filter(of_the_lab).filter(|step| names(&step.lost_together)).peekable();
    let enough = each.peek().is_none() || each.any(|step| written.contains(step));
    !needed && enough
}

/// What a lab is asked for.
pub fn asked(lab: usize) -> impl Iterator<Item = &'static str> {
    let attempts = ATTEMPTS.iter().filter(move |it| it.first_lab() <= lab).map(|it| it.id);
    attempts.chain(WORKS.iter().filter(move |it| it.first_lab <= lab).map(|it| it.id))
}

/// The points that a lab earns with these checks, and the most that it could.
pub fn points(lab: usize, checks: Vec<Check>) -> (f64, f64) {
    let name = labs::ALL[lab];
    let mut target = TargetReport { checks, ..TargetReport::new(name, name, TargetKind::Lab) };
    Rubric::standard().fill_in(&mut target);
    (target.points, target.max_points)
}

/// The same check, green or not.
pub fn as_predicted(check: &Check, green: bool) -> Check {
    let works = check.kind == CheckKind::Works;
    let verdict = match (works, green) {
        (true, true) => Outcome::Works,
        (true, false) => Outcome::Fails(String::new()),
        (false, true) => Outcome::Blocked(String::new()),
        (false, false) => Outcome::Escaped(String::new()),
    };
    verdict.check(&check.id, check.kind, None)
}
