//! A whole run: targets and checks to a report. The positive controls come first, once a run and decoy kind.

use crate::decoy::ids;
use crate::judge::prerequisites;
use crate::judge::reached::reached;
use crate::judge::verdict::{self, Cause, Verdict};
use crate::report::DecoyKind;
use crate::report::{Check, Report, TargetReport, kind};
use crate::runner::workers::{Done, Job, Workers};
use crate::target::Target;
use crate::trial::Facts;
use crate::trial::works::Works;
use anyhow::Result;
use attempts::attempts::{Attempt, Need};
use attempts::works::{self, Work};
use std::collections::BTreeMap;

/// What a run is asked for.
pub struct Run {
    /// The targets, all of one decoy kind.
    pub targets: Vec<Target>,
    /// The attempts.
    pub attempts: Vec<&'static Attempt>,
    /// Whether the works checks are asked for.
    pub works: bool,
}

/// What happens while a run goes on.
pub enum Event {
    /// This many trials will be run.
    Begin(usize),
    /// One is done.
    Trial,
}

/// Runs it.
pub fn grade(
    run: &Run,
    workers: &mut Workers,
    mut report: Report,
    mut tell: impl FnMut(Event),
) -> Result<Report> {
    tell(Event::Begin(run.attempts.len() + run.trials()));
    let controls = controls(&run.attempts, report.decoy, workers, &mut tell)?;
    report.targets = targets(run, &controls, workers, &mut tell)?;
    Ok(report)
}

impl Run {
    /// How many trials it has, controls apart.
    pub fn trials(&self) -> usize {
        (self.attempts.len() + usize::from(self.works)) * self.targets.len()
    }
}

/// The positive controls: the same attempts on the bare decoy host.
pub type Controls = BTreeMap<String, Facts>;

/// Measures them.
pub fn controls(
    attempts: &[&'static Attempt],
    decoy: DecoyKind,
    workers: &mut Workers,
    tell: &mut impl FnMut(Event),
) -> Result<Controls> {
    let bare = Target::bare(decoy);
    let attempts = in_turn(attempts);
    let job = |attempt: &&Attempt| Job::Attempt { target: bare.clone(), id: attempt.id.into() };
    let jobs: Vec<Job> = attempts.iter().map(job).collect();
    let mut controls = Controls::new();
    workers.run(&jobs, |at, done| {
        if let Done::Attempt(facts) = done {
            controls.insert(attempts[at].id.to_owned(), facts);
        }
        tell(Event::Trial);
    })?;
    Ok(controls)
}

/// Grades the targets of a run against controls that were measured before.
pub fn targets(
    run: &Run,
    controls: &Controls,
    workers: &mut Workers,
    tell: &mut impl FnMut(Event),
) -> Result<Vec<TargetReport>> {
    many(std::slice::from_ref(run), controls, workers, tell)
}

/// Grades the targets of several runs, as if they were one: no worker waits for the end of a run.
pub fn many(
    runs: &[Run],
    controls: &Controls,
    workers: &mut Workers,
    tell: &mut impl FnMut(Event),
) -> Result<Vec<TargetReport>> {
    let aims: Vec<(&Run, &Target)> =
        runs.iter().flat_map(|run| run.targets.iter().map(move |target| (run, target))).collect();
    // The works checks first: a target whose command never starts is not attacked.
    let mut found: Vec<Option<Works>> = vec![None; aims.len()];
    let with_works: Vec<usize> = (0..aims.len()).filter(|at| aims[*at].0.works).collect();
    let job = |at: &usize| Job::Works { target: aims[*at].1.clone(), lab: aims[*at].1.what.lab() };
    let jobs: Vec<Job> = with_works.iter().map(job).collect();
    for (at, done) in run_all(&jobs, controls, workers, tell)?.into_iter().enumerate() {
        if let Some(Done::Works(works)) = done {
            found[with_works[at]] = Some(works);
        }
    }
    let mut pairs = Vec::new();
    let mut jobs = Vec::new();
    for (at, (run, target)) in aims.iter().enumerate() {
        if found[at].as_ref().is_some_and(|works| works.not_started.is_some()) {
            run.attempts.iter().for_each(|_| tell(Event::Trial));
            continue;
        }
        for attempt in in_turn(&run.attempts) {
            pairs.push((at, attempt.id));
            jobs.push(Job::Attempt { target: (*target).clone(), id: attempt.id.into() });
        }
    }
    let mut facts: BTreeMap<(usize, &str), Facts> = BTreeMap::new();
    for (at, done) in run_all(&jobs, controls, workers, tell)?.into_iter().enumerate() {
        if let Some(Done::Attempt(it)) = done {
            facts.insert(pairs[at], it);
        }
    }

    let mut reports = Vec::new();
    for (at, (run, target)) in aims.into_iter().enumerate() {
        let mut checks = Vec::new();
        if let Some(works) = &found[at] {
            let verdicts = verdict::works(works, &asked(run, target));
            checks.extend(verdicts.into_iter().map(|(work, verdict)| {
                let mut check = Check::new(work.id, "works", &verdict, target.what.lab().map(|_| "WORKS"));
                check.ms = works.ms;
                check
            }));
        }
        for attempt in &run.attempts {
            checks.push(judged(target, attempt, controls, facts.get(&(at, attempt.id))));
        }
        prerequisites::settle(&mut checks);
        reports.push(TargetReport {
            name: target.name.clone(),
            kind: kind(target.what).into(),
            points: 0.0,
            max_points: 0.0,
            reached: reached(&checks),
            mend_first: prerequisites::mend_first(&checks, target.what.lab()),
            checks,
        });
    }
    Ok(reports)
}

/// An attempt that needs nothing but a decoy host.
const ANY: &str = "hostname-read";

/// Runs jobs. One for which no decoy host could be made, though for the controls one was, is run once more, alone: a
/// program may have used up what another one needed. If that fails as well, the machine is to blame only where a decoy
/// host without any program can't be made either, and where the program could not have brought that about.
fn run_all(
    jobs: &[Job],
    controls: &Controls,
    workers: &mut Workers,
    tell: &mut impl FnMut(Event),
) -> Result<Vec<Option<Done>>> {
    let mut found: Vec<Option<Done>> = vec![None; jobs.len()];
    workers.run(jobs, |at, done| {
        found[at] = Some(done);
        tell(Event::Trial);
    })?;
    if controls.values().all(|control| control.no_decoy.is_some()) {
        return Ok(found);
    }
    let mut hopeless: Vec<&Target> = Vec::new();
    for (job, found) in jobs.iter().zip(&mut found) {
        let Some(done) = found.as_mut().filter(|done| done.no_decoy().is_some()) else { continue };
        if !hopeless.contains(&job.target()) {
            *done = alone(job, workers)?.unwrap_or_else(|| done.clone());
        }
        if done.no_decoy().is_some() {
            hopeless.push(job.target());
            let bare = Job::Attempt { target: Target::bare(job.target().decoy), id: ANY.into() };
            let nobody_can = alone(&bare, workers)?.is_some_and(|bare| bare.no_decoy().is_some());
            if !(nobody_can && ids::are_many()) {
                done.blame_the_target();
            }
        }
    }
    Ok(found)
}

fn alone(job: &Job, workers: &mut Workers) -> Result<Option<Done>> {
    let mut found = None;
    workers.run(std::slice::from_ref(job), |_, done| found = Some(done))?;
    Ok(found)
}

/// The order in which attempts are run: first those that want a host of their own, since the last of these hosts may
/// serve for the others; then those at a limit, which take longest and should not come last.
fn in_turn(attempts: &[&'static Attempt]) -> Vec<&'static Attempt> {
    let mut sorted = attempts.to_vec();
    let needs = |attempt: &&Attempt, need| attempt.needs.contains(&need);
    sorted.sort_by_key(|attempt| (!needs(attempt, Need::FreshHost), !needs(attempt, Need::Limits)));
    sorted
}

fn judged(target: &Target, attempt: &Attempt, controls: &Controls, facts: Option<&Facts>) -> Check {
    let verdict = match (facts, controls.get(attempt.id)) {
        (Some(facts), Some(control)) => verdict::attempt(control, facts),
        _ => Verdict::Inconclusive(Cause::Target, verdict::NOT_STARTED.into()),
    };
    let expected = target.what.lab().and_then(|lab| expected(attempt, lab, target.decoy));
    let mut check = Check::new(attempt.id, "attempt", &verdict, expected);
    if let Some(facts) = facts {
        check.evidence.clone_from(&facts.evidence);
        check.ms = facts.ms;
    }
    check
}

/// What the reference lab shows, as it was measured on this kind of decoy host; where that can't judge the attempt,
/// as on the root kind.
pub fn expected(attempt: &Attempt, lab: usize, decoy: DecoyKind) -> Option<&'static str> {
    let letters = match decoy {
        DecoyKind::Root => attempt.letters.root,
        DecoyKind::User if nix::unistd::geteuid().is_root() => attempt.letters.user,
        DecoyKind::User => attempt.letters.rootless,
    };
    let letter = attempt.letter(lab, letters).filter(|letter| *letter != 'I');
    match letter.or_else(|| attempt.letter(lab, attempt.letters.root))? {
        'E' => Some("ESCAPED"),
        'B' => Some("BLOCKED"),
        _ => None,
    }
}

/// The works checks that a target is asked for.
fn asked(run: &Run, target: &Target) -> Vec<&'static Work> {
    let wanted = |work: &&Work| run.works && target.what.lab().is_none_or(|lab| work.first_lab <= lab);
    works::ALL.iter().filter(wanted).collect()
}
