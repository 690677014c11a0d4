//! A whole run: targets and checks to a report. The positive controls are measured first, once a run and kind of decoy.

use crate::decoy::ids;
use crate::judge::prerequisites::{fix_first, mark_waiting};
use crate::judge::reached::reached;
use crate::judge::verdict::{self, Outcome};
use crate::report::{Cause, Check, CheckKind, DecoyKind, Report, TargetReport, Verdict};
use crate::runner::workers::{Done, Job, Workers};
use crate::target::Target;
use crate::trial::Facts;
use crate::trial::works::Works;
use anyhow::Result;
use attempts::Seen;
use attempts::attempts::{Attempt, Need};
use attempts::works::command::STARTS;
use attempts::works::{self, Work};
use std::cell::RefCell;
use std::collections::BTreeMap;

/// The parameters of a run.
pub struct Run {
    /// The targets, all of one decoy kind.
    pub targets: Vec<Target>,
    /// The attempts.
    pub attempts: Vec<&'static Attempt>,
    /// Whether the works checks run.
    pub works: bool,
}

/// The progress of a run.
pub enum TrialEvent {
    /// This many trials will be run.
    Begin(usize),
    /// One trial is done.
    Trial,
}

/// Runs it, and adds the targets to the report.
///
/// # Errors
/// Those of [`Workers::run`].
pub fn grade(
    run: &Run,
    workers: &mut Workers,
    report: &mut Report,
    mut tell: impl FnMut(TrialEvent),
) -> Result<()> {
    tell(TrialEvent::Begin(run.attempts.len() + run.trials()));
    let controls = controls(&run.attempts, report.decoy, workers, &mut tell)?;
    report.targets = grade_all(std::slice::from_ref(run), &controls, workers, &mut tell)?;
    Ok(())
}

impl Run {
    /// The number of trials, without controls.
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
    tell: &mut impl FnMut(TrialEvent),
) -> Result<Controls> {
    let bare = Target::bare(decoy);
    let attempts = schedule_order(attempts);
    let job = |attempt: &&Attempt| Job::Attempt { target: bare.clone(), id: attempt.id.into() };
    let jobs: Vec<Job> = attempts.iter().map(job).collect();
    let mut controls = Controls::new();
    workers.run(&jobs, |at, done| {
        if let Done::Attempt(facts) = done {
            controls.insert(attempts[at].id.to_owned(), facts);
        }
        tell(TrialEvent::Trial);
    })?;
    // Without its control an attempt can't be judged for any target: one whose worker was lost is run again.
    let lost = |attempt: &&Attempt| controls.get(attempt.id).is_none_or(|facts| facts.distrust.is_some());
    let lost: Vec<usize> = (0..jobs.len()).filter(|at| lost(&attempts[*at])).collect();
    for at in lost {
        if let Some(Done::Attempt(facts)) = run_alone(&jobs[at], workers)? {
            controls.insert(attempts[at].id.to_owned(), facts);
        }
    }
    Ok(controls)
}

/// Grades the targets of several runs against measured controls, as one run: no worker waits until a target is
/// finished.
pub fn grade_all(
    runs: &[Run],
    controls: &Controls,
    workers: &mut Workers,
    tell: &mut impl FnMut(TrialEvent),
) -> Result<Vec<TargetReport>> {
    let mut aims: Vec<TargetRun> = runs.iter().flat_map(TargetRun::all).collect();
    let (jobs, owners): (Vec<Job>, Vec<usize>) = aims
        .iter()
        .enumerate()
        .flat_map(|(at, aim)| aim.jobs().into_iter().map(move |job| (job, at)))
        .unzip();
    for (at, done) in run_all(&jobs, controls, workers, tell)?.into_iter().enumerate() {
        if let Some(done) = done {
            aims[owners[at]].take(&jobs[at], done);
        }
    }
    Ok(aims.iter().map(|aim| aim.report(controls)).collect())
}

/// One target of a run, and the results of its trials.
struct TargetRun<'a> {
    run: &'a Run,
    target: &'a Target,
    works: Option<Works>,
    facts: BTreeMap<String, Facts>,
}

impl<'a> TargetRun<'a> {
    fn all(run: &'a Run) -> impl Iterator<Item = TargetRun<'a>> {
        run.targets.iter().map(move |target| TargetRun { run, target, works: None, facts: BTreeMap::new() })
    }

    /// The works checks first, since they take longest.
    fn jobs(&self) -> Vec<Job> {
        let target = || self.target.clone();
        let works = self.run.works.then(|| Job::Works { target: target(), lab: self.target.what.lab() });
        let attempts = schedule_order(&self.run.attempts);
        let attempts = attempts.iter().map(|it| Job::Attempt { target: target(), id: it.id.into() });
        works.into_iter().chain(attempts).collect()
    }

    fn take(&mut self, job: &Job, done: Done) {
        match (job, done) {
            (Job::Attempt { id, .. }, Done::Attempt(facts)) => drop(self.facts.insert(id.clone(), facts)),
            (_, Done::Works(works)) => self.works = Some(works),
            (Job::Works { .. }, Done::Attempt(_)) => {}
        }
    }

    fn report(&self, controls: &Controls) -> TargetReport {
        let attempts = self.run.attempts.iter().map(|attempt| self.attempt(attempt, controls));
        let mut checks: Vec<Check> = self.works_checks().into_iter().chain(attempts).collect();
        // Of a command of which nothing can be said none waits for another.
        if self.no_witness().is_none() {
            mark_waiting(&mut checks);
        }
        TargetReport {
            reached: reached(&checks),
            fix_first: fix_first(&checks, self.target.what.lab()),
            checks,
            ..TargetReport::new(&self.target.id, &self.target.name, self.target.what.kind())
        }
    }

    fn works_checks(&self) -> Vec<Check> {
        let Some(works) = &self.works else { return Vec::new() };
        let lab = self.target.what.lab();
        // What the program said stands with the check that all others wait for.
        let said = |work: &Work| {
            let all = works.said.iter().filter(|_| work.id == STARTS.id);
            all.map(|line| format!("standard error: {line}")).collect()
        };
        let check = |(work, outcome): (&Work, Outcome)| Check {
            ms: works.ms,
            evidence: said(work),
            ..outcome.check(work.id, CheckKind::Works, lab.map(|_| Verdict::Works))
        };
        verdict::works(works, &applicable_works(lab)).into_iter().map(check).collect()
    }

    fn attempt(&self, attempt: &Attempt, controls: &Controls) -> Check {
        let (lab, decoy) = (self.target.what.lab(), self.target.decoy);
        let expected = lab.and_then(|lab| expected(attempt, lab, decoy));
        let facts = self.facts.get(attempt.id).filter(|facts| self.counts(facts));
        let (Some(facts), Some(control)) = (facts, controls.get(attempt.id)) else {
            let why = self.no_witness().unwrap_or(verdict::NOT_STARTED);
            let not_started = Outcome::Inconclusive(Cause::Target, why.into());
            return not_started.check(attempt.id, CheckKind::Attempt, expected);
        };
        let check = verdict::attempt(control, facts).check(attempt.id, CheckKind::Attempt, expected);
        Check { evidence: facts.evidence.clone(), ms: facts.ms, ..check }
    }

    /// Why the host's kernel can tell nothing of the command, if so.
    fn no_witness(&self) -> Option<&str> {
        self.works.as_ref()?.no_witness.as_deref()
    }

    /// Where the command does not start, an attempt that was already running counts only if the host saw its effect.
    fn counts(&self, facts: &Facts) -> bool {
        let starts = self.works.as_ref().is_none_or(Works::can_be_judged);
        starts || matches!(facts.seen, Seen::Effect(_))
    }
}

/// An attempt that needs only a decoy host.
const ANY: &str = "hostname-read";

/// Runs jobs. If no decoy host could be made for a job, although one could for the controls, the job is retried alone:
/// another program may have used up a resource. If the retry fails too, the cause is the machine only where a decoy
/// host without any program can't be made either, and where the program could not have caused that.
fn run_all(
    jobs: &[Job],
    controls: &Controls,
    workers: &mut Workers,
    tell: &mut impl FnMut(TrialEvent),
) -> Result<Vec<Option<Done>>> {
    let mut found = run_startable(jobs, workers, tell)?;
    if controls.values().all(|control| control.no_decoy.is_some()) {
        return Ok(found);
    }
    let mut hopeless: Vec<&Target> = Vec::new();
    for (job, found) in jobs.iter().zip(&mut found) {
        let Some(done) = found.as_mut().filter(|done| done.no_decoy().is_some()) else { continue };
        if !hopeless.contains(&job.target()) {
            *done = run_alone(job, workers)?.unwrap_or_else(|| done.clone());
        }
        if done.no_decoy().is_some() {
            hopeless.push(job.target());
            let bare = Job::Attempt { target: Target::bare(job.target().decoy), id: ANY.into() };
            let nobody_can = run_alone(&bare, workers)?.is_some_and(|bare| bare.no_decoy().is_some());
            if !(nobody_can && ids::are_many()) {
                done.blame_the_target();
            }
        }
    }
    Ok(found)
}

/// Runs jobs, but starts none for a target whose works checks have shown that its command never starts.
fn run_startable(
    jobs: &[Job],
    workers: &mut Workers,
    tell: &mut impl FnMut(TrialEvent),
) -> Result<Vec<Option<Done>>> {
    let mut found: Vec<Option<Done>> = vec![None; jobs.len()];
    let never_start: RefCell<Vec<&Target>> = RefCell::new(Vec::new());
    let tell = RefCell::new(tell);
    let skip = |job: &Job| {
        let skip = never_start.borrow().contains(&job.target());
        if skip {
            tell.borrow_mut()(TrialEvent::Trial);
        }
        skip
    };
    workers.run_unless(jobs, skip, |at, done| {
        if matches!(&done, Done::Works(works) if !works.can_be_judged()) {
            never_start.borrow_mut().push(jobs[at].target());
        }
        found[at] = Some(done);
        tell.borrow_mut()(TrialEvent::Trial);
    })?;
    Ok(found)
}

fn run_alone(job: &Job, workers: &mut Workers) -> Result<Option<Done>> {
    let mut found = None;
    workers.run(std::slice::from_ref(job), |_, done| found = Some(done))?;
    Ok(found)
}

/// The order in which attempts are scheduled: first those that need a host of their own, since the last of these hosts
/// can be reused for the others; then those with limits, which take longest.
fn schedule_order(attempts: &[&'static Attempt]) -> Vec<&'static Attempt> {
    let mut sorted = attempts.to_vec();
    let needs = |attempt: &&Attempt, need| attempt.needs.contains(&need);
    sorted.sort_by_key(|attempt| (!needs(attempt, Need::FreshHost), !needs(attempt, Need::Limits)));
    sorted
}

/// The verdict of the reference lab, as measured on this kind of decoy host; where that can't judge the attempt, as
/// measured on the root kind.
pub fn expected(attempt: &Attempt, lab: usize, decoy: DecoyKind) -> Option<Verdict> {
    let letters = match decoy {
        DecoyKind::Root => attempt.letters.root,
        DecoyKind::User if nix::unistd::geteuid().is_root() => attempt.letters.user,
        DecoyKind::User => attempt.letters.rootless,
    };
    let letter = attempt.letter(lab, letters).filter(|letter| *letter != 'I');
    match letter.or_else(|| attempt.letter(lab, attempt.letters.root))? {
        'E' => Some(Verdict::Escaped),
        'B' => Some(Verdict::Blocked),
        _ => None,
    }
}

/// The works checks that apply to a lab, or to any other program.
fn applicable_works(lab: Option<usize>) -> Vec<&'static Work> {
    works::ALL.iter().filter(|work| work.is_asked_of(lab)).collect()
}
