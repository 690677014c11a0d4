//! The works checks of one target: a few starts in one decoy host, which they share.
//!
//! In the first the standard streams are pipes, and a second container runs beside it for a while; in the second
//! standard input is a terminal and the host follows every execve(2); in the third the command is killed, and then the
//! program, if it is a lab. Then the host looks at what is left. Another one is of the same directory by another path. In
//! the last the program gets signals, and the command leaves children.
//!
//! # Layout
//! - [`start`]: one start, in which checks are asked for. [`other_paths`]: starts that need only come to their end.
//! - [`interrupted`]: starts that are interrupted. [`leftovers`]: what is there afterwards.
//! - [`others`]: which programs are not the target's own. [`survivor`]: what one container keeps when another ends.

mod checked;
mod interrupted;
mod leftovers;
mod other_paths;
mod others;
mod start;
mod survivor;

use super::Stage;
use super::attacker::no_witness::NoWitness;
use super::facts::bounded;
use super::forbidden::forbidden;
use super::not_started::NotStarted;
use crate::target::{Target, What};
use anyhow::Error;
use attempts::Host;
use attempts::works::command::{NOTHING_LEFT, STARTS};
use attempts::works::{ALL, InStart, Work};
use serde::{Deserialize, Serialize};
use start::Starts;
use std::time::Instant;

/// What became of one works check.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct WorksResult {
    /// The works check.
    pub id: String,
    /// Whether it holds; none where that is not known. The text says why.
    pub holds: Option<bool>,
    /// Why not.
    pub why: String,
}

/// Everything that the works checks of one target brought back.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub struct Works {
    /// Why no decoy host could be made, if so.
    pub no_decoy: Option<String>,
    /// Why nothing is known of them, if what ran them is gone.
    pub lost: Option<String>,
    /// Why the command never started, if so.
    pub not_started: Option<String>,
    /// What the program said then on standard error, line by line.
    pub said: Vec<String>,
    /// What the decoy host refuses to every program, if the command never started for that.
    pub forbidden: Option<String>,
    /// Why the host's kernel can tell nothing of the command, if so.
    pub no_witness: Option<String>,
    /// One finding a check. Of a check without one nothing is known.
    pub findings: Vec<WorksResult>,
    /// How long it took, in milliseconds.
    pub ms: f64,
}

/// Runs the works checks that a target of the labs' `number` is asked for; all, for any other program.
pub fn works(stage: &Stage, target: &Target, number: Option<usize>) -> Works {
    let begun = Instant::now();
    let mut works = Works::default();
    let decoy = match stage.decoy(target, &[]) {
        Ok(decoy) => decoy,
        Err(error) => {
            works.no_decoy = Some(format!("{error:#}"));
            return works;
        }
    };
    let starts = Starts::new(stage, target, &decoy);
    let is_lab = matches!(target.what, What::Lab(_));
    works.run(&starts, number, Host { is_lab, ..Host::default() });
    stage.shared.keep(target, decoy);
    works.ms = begun.elapsed().as_secs_f64() * 1000.0;
    works
}

impl Works {
    /// The same, with no more of each text than goes into a report.
    pub fn bounded(mut self) -> Works {
        let Works { no_decoy, lost, not_started, forbidden, no_witness, .. } = &mut self;
        for text in [no_decoy, lost, not_started, forbidden, no_witness].into_iter().flatten() {
            *text = bounded(text);
        }
        self.findings.iter_mut().for_each(|finding| finding.why = bounded(&finding.why));
        self
    }

    /// Whether attempts make sense: the command starts, and the host's kernel can tell of it.
    pub fn can_be_judged(&self) -> bool {
        self.not_started.is_none() && self.no_witness.is_none()
    }

    /// Every start in turn, until one does not come to its end: the next would not either.
    fn run(&mut self, starts: &Starts, number: Option<usize>, mut host: Host) {
        let asked = |run| -> Vec<&'static Work> {
            let wanted = |work: &&Work| work.run == run && work.is_asked_of(number);
            ALL.iter().filter(wanted).collect()
        };
        let pipes = asked(InStart::Pipes);
        match checked::with_pipes(starts, &pipes, &mut host) {
            Ok(findings) => self.findings.extend(findings),
            Err(error) if error.is::<NoWitness>() => {
                let is_there = |work: &&&Work| work.id == STARTS.id && host.attacker.own_root == Some(true);
                self.findings.extend(pipes.iter().filter(is_there).map(|work| finding(work, Ok(()), &host)));
                self.no_witness = Some(format!("{error:#}"));
                starts.decoy.end();
                return;
            }
            Err(error) => {
                let left = leftovers::leftovers(starts.decoy, &starts.stage.groups);
                let left = left.iter().map(|what| format!("; and this was left: {what}"));
                self.not_started = Some(format!("{error:#}{}", left.collect::<String>()));
                self.said = error.downcast_ref::<NotStarted>().map(|it| it.said.clone()).unwrap_or_default();
                if starts.may_go_on() {
                    self.forbidden = forbidden(starts.stage, starts.target, starts.decoy, &[]);
                }
                return;
            }
        }
        if starts.may_go_on() {
            let watched = asked(InStart::Watched);
            let found = checked::watched(starts, &watched, &mut host);
            self.take(&watched, found);
        }
        if starts.may_go_on() {
            let killed = asked(InStart::Killed);
            let found = interrupted::killed(starts, &killed, &host);
            self.take(&killed, found);
        }
        let lab_killed = asked(InStart::LabKilled);
        if starts.may_go_on() && !lab_killed.is_empty() {
            let found = interrupted::lab_killed(starts, &lab_killed, &host);
            self.take(&lab_killed, found);
        }
        self.afterwards(starts, &asked(InStart::Afterwards), &mut host);
        // The last: what it leaves is its own affair.
        let signals = asked(InStart::Signals);
        if starts.may_go_on() && !signals.is_empty() {
            let found = interrupted::signals(starts, &signals, &host);
            self.take(&signals, found);
        }
    }

    /// What is left of these starts, and a few more for what can only be seen when they are over.
    fn afterwards(&mut self, starts: &Starts, checks: &[&'static Work], host: &mut Host) {
        // Before those starts that it may give up half-way.
        let failing = if starts.may_go_on() { starts.fail() } else { Ok(true) };
        let mut left = leftovers::leftovers(starts.decoy, &starts.stage.groups);
        let failed = failing.is_ok();
        match failing {
            Ok(true) => {}
            Ok(false) => left.push("asked for a command that is not there, the program does not end".into()),
            Err(error) => self.take(&[&NOTHING_LEFT], Err(error)),
        }
        host.left = Some(left);
        let changed = host.changed.get_or_insert_default();
        if changed.is_empty() {
            changed.extend(leftovers::changed(starts.decoy, "when it had ended").0);
        }
        if starts.may_go_on() {
            other_paths::other_paths(starts, checks, host);
        }
        host.began = starts.began();
        let known =
            |work: &&Work| other_paths::was_tried(work, host) && (failed || work.id != NOTHING_LEFT.id);
        self.findings.extend(checks.iter().copied().filter(known).map(|work| finding(work, Ok(()), host)));
    }

    /// Notes what a start found, or that it brought nothing.
    fn take(&mut self, checks: &[&'static Work], found: Result<Vec<WorksResult>, Error>) {
        let missed = |error: Error| {
            let why = format!("{error:#}");
            checks
                .iter()
                .map(|work| WorksResult { id: work.id.into(), holds: None, why: why.clone() })
                .collect()
        };
        self.findings.extend(found.unwrap_or_else(missed));
    }
}

fn finding(work: &Work, inside: Result<(), String>, host: &Host) -> WorksResult {
    let found = inside.and_then(|()| (work.judge)(host));
    WorksResult { id: work.id.into(), holds: Some(found.is_ok()), why: found.err().unwrap_or_default() }
}
