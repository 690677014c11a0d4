//! Knock-outs: mutation testing of the grader. Each lab is graded with one step removed; the checks that fail then test
//! that step.
//!
//! A step whose removal no check notices is a gap in the grader. The mutation score is the share of steps that lose
//! exactly the checks in `steps.toml`.

use crate::interrupts::Interrupted;
use crate::interrupts::Interrupts;
use crate::labs;
use crate::labs::steps::{Source, Step, USER_NAMESPACE};
use crate::labs::variant::Workshop;
use crate::report::{Check, DecoyKind, TargetReport};
use crate::runner::grading::{Controls, Run, TrialEvent, controls, grade_all};
use crate::runner::workers::Workers;
use crate::target::Target;
use anyhow::{Context, Result};
use attempts::attempts::{ALL, Attempt};
use serde::Serialize;
use std::collections::{BTreeMap, BTreeSet};
use std::iter;
use std::sync::mpsc::{self, Receiver, RecvTimeoutError};
use std::time::Duration;

/// The results of all knock-outs.
#[derive(Clone, Debug, Serialize)]
pub struct Knockouts {
    /// The kind of decoy host.
    pub decoy: DecoyKind,
    /// One row a step.
    pub steps: Vec<Knockout>,
    /// Labs without knock-outs, since their baseline does not pass, with the first check that shows it.
    pub fell_short: Vec<String>,
    /// The share of steps that lost exactly the expected checks; 0 where there was none.
    pub mutation_score: f64,
}

/// The result for one step.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Knockout {
    /// The lab.
    pub lab: String,
    /// The step.
    pub step: String,
    /// The checks that pass in the whole lab, and do not pass without the step.
    pub lost: Vec<String>,
    /// The expected ones from `steps.toml`, as far as this kind of decoy can judge them.
    pub expected: Vec<String>,
    /// Whether `steps.toml` names checks, but this kind of decoy can judge none of them.
    pub beyond_judging: bool,
}

impl Knockout {
    /// Whether it lost exactly the expected checks, and at least one, unless this kind of decoy can judge none.
    pub fn as_expected(&self) -> bool {
        self.lost == self.expected && (!self.lost.is_empty() || self.beyond_judging)
    }
}

/// The baselines: the verdicts of the whole labs, by the lab's name, and whether with `--userns`.
type Baselines = BTreeMap<(String, bool), Vec<Check>>;

/// Knocks out each of these steps in turn. While variants are graded, the next ones are built.
pub fn knockout(
    steps: &[Step],
    decoy: DecoyKind,
    source: &Source,
    workshop: &Workshop,
    workers: &mut Workers,
    mut tell: impl FnMut(TrialEvent),
) -> Result<Knockouts> {
    let all: Vec<&'static Attempt> = ALL.iter().collect();
    let (mut rows, mut fell_short) = (Vec::new(), BTreeMap::new());
    let interrupts = Interrupts::of_main_thread()?;
    std::thread::scope(|scope| -> Result<()> {
        let (built, ready) = mpsc::channel();
        scope.spawn(move || {
            for step in steps {
                let program = source
                    .without(|id| *id == step.id)
                    .map_err(anyhow::Error::from)
                    .and_then(|variant| workshop.build(&variant, &step.id.lab));
                // The grading has failed: stop building.
                if built.send((step, program)).is_err() {
                    return;
                }
            }
        });
        let mut grade = || -> Result<()> {
            let wanted: BTreeSet<(String, bool)> = steps.iter().map(belongs_to).collect();
            let whole = all.len() + wanted.len() * (all.len() + 1);
            // A lower bound: which checks a variant needs is known after the baselines.
            tell(TrialEvent::Begin(whole + steps.len()));
            let controls = controls(&all, decoy, workers, &mut tell)?;
            let baselines = baselines(wanted, decoy, source, workshop, &controls, workers, &mut tell)?;
            fell_short = baselines.iter().filter_map(short).map(|(lab, why)| (lab.to_owned(), why)).collect();
            let trials = |step: &Step| green(baseline(&baselines, step)).attempts().count() + 1;
            tell(TrialEvent::Begin(whole + steps.iter().map(trials).sum::<usize>()));

            // Grade all ready variants as one run. One variant alone would make workers wait for its last trial.
            while let Some(first) = next(&ready, interrupts.as_ref())? {
                let mut variants = Vec::new();
                for (step, program) in iter::once(first).chain(ready.try_iter()) {
                    let program =
                        program.with_context(|| format!("building {} without its step", step.id))?;
                    if !fell_short.contains_key(&step.id.lab) {
                        let (lab, userns) = belongs_to(step);
                        let target = target(&lab, userns, &program, decoy)?;
                        variants.push((step, target));
                    }
                }
                let run = |(step, target): &(&Step, Target)| Run {
                    targets: vec![target.clone()],
                    attempts: green(baseline(&baselines, step)).attempts().collect(),
                    works: true,
                };
                let runs: Vec<Run> = variants.iter().map(run).collect();
                let reports = grade_all(&runs, &controls, workers, &mut tell)?;
                let graded = variants.iter().zip(&reports);
                rows.extend(graded.map(|((step, _), now)| row(step, baseline(&baselines, step), now, decoy)));
            }
            Ok(())
        };
        // Stop the builds too: nobody uses their results.
        grade().inspect_err(|_| workshop.stop())
    })?;
    let exact = rows.iter().filter(|row| row.as_expected()).count();
    Ok(Knockouts {
        decoy,
        mutation_score: if rows.is_empty() { 0.0 } else { exact as f64 / rows.len() as f64 },
        steps: rows,
        fell_short: fell_short.into_values().collect(),
    })
}

/// The next built variant; none when there are no more. Also waits for signals, which nothing else does meanwhile.
fn next<T>(ready: &Receiver<T>, interrupts: Option<&Interrupts>) -> Result<Option<T>> {
    loop {
        match ready.recv_timeout(Duration::from_millis(50)) {
            Ok(next) => return Ok(Some(next)),
            Err(RecvTimeoutError::Disconnected) => return Ok(None),
            Err(RecvTimeoutError::Timeout) => {}
        }
        if let Some(signal) = interrupts.and_then(Interrupts::take) {
            return Err(Interrupted(signal).into());
        }
    }
}

/// The baselines: a check that does not pass in the whole lab says nothing about a step.
fn baselines(
    wanted: BTreeSet<(String, bool)>,
    decoy: DecoyKind,
    source: &Source,
    workshop: &Workshop,
    controls: &Controls,
    workers: &mut Workers,
    tell: &mut impl FnMut(TrialEvent),
) -> Result<Baselines> {
    let mut aims = Vec::new();
    for (lab, userns) in &wanted {
        aims.push(target(lab, *userns, &workshop.build(source, lab)?, decoy)?);
    }
    let run = Run { targets: aims, attempts: ALL.iter().collect(), works: true };
    let reports = grade_all(&[run], controls, workers, tell)?;
    Ok(wanted.into_iter().zip(reports.into_iter().map(|report| report.checks)).collect())
}

/// A lab whose baseline does not pass, and the first check that shows it.
fn short<'a>((key, checks): (&'a (String, bool), &'a Vec<Check>)) -> Option<(&'a str, String)> {
    let check = checks.iter().find(|check| !check.as_expected)?;
    Some((key.0.as_str(), format!("{} {}: {} ({})", key.0, check.id, check.verdict, check.why)))
}

fn target(lab: &str, userns: bool, program: &std::path::Path, decoy: DecoyKind) -> Result<Target> {
    let number = labs::ALL.iter().position(|name| *name == lab).context("an unknown lab")?;
    let mut target = Target::lab(number, lab, program, decoy);
    if userns {
        target.template.insert(0, "--userns".into());
    }
    Ok(target)
}

/// The whole lab of a step, and whether with `--userns`.
fn belongs_to(step: &Step) -> (String, bool) {
    (step.id.lab.clone(), step.id.name == USER_NAMESPACE)
}

/// The baseline of that lab.
fn baseline<'a>(baselines: &'a Baselines, step: &Step) -> &'a [Check] {
    &baselines[&belongs_to(step)]
}

/// The checks that pass in the baseline: only these can be lost.
struct Green<'a>(BTreeSet<&'a str>);

fn green(baseline: &[Check]) -> Green<'_> {
    Green(baseline.iter().filter(|check| check.is_green()).map(|check| check.id.as_str()).collect())
}

impl Green<'_> {
    fn attempts(&self) -> impl Iterator<Item = &'static Attempt> {
        ALL.iter().filter(|attempt| self.0.contains(attempt.id))
    }
}

/// The checks that a variant has lost.
fn row(step: &Step, baseline: &[Check], now: &TargetReport, decoy: DecoyKind) -> Knockout {
    let green = green(baseline);
    let lost = now.checks.iter().filter(|check| green.0.contains(check.id.as_str()) && !check.is_green());
    let mut lost: Vec<String> = lost.map(|check| check.id.clone()).collect();
    lost.sort();

    let unjudged: BTreeSet<&str> =
        baseline.iter().filter(|check| check.is_unjudgeable_here()).map(|check| check.id.as_str()).collect();
    let judged = |id: &&String| !unjudged.contains(id.as_str());
    let more = if decoy == DecoyKind::User { step.lost_user.as_slice() } else { &[] };
    let mut expected: Vec<String> = step.lost.iter().chain(more).filter(judged).cloned().collect();
    expected.sort();
    let beyond_judging = expected.is_empty() && !step.lost.is_empty();
    Knockout { lab: step.id.lab.clone(), step: step.id.name.clone(), lost, expected, beyond_judging }
}
