//! Grades in the background, one run at a time. Each positive control is measured once, when it is first needed.

use super::Event;
use super::setting::Setting;
use crate::interrupts::Interrupted;
use crate::judge::points::Rubric;
use crate::report::TargetReport;
use crate::runner::grading::{self, Controls, Run};
use crate::runner::workers::{Stopped, Stopper, Workers};
use crate::target::Target;
use anyhow::{Context, Result};
use attempts::attempts::{ALL, Attempt};
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::mpsc::{Receiver, Sender};

/// A program to be graded.
#[derive(Clone, Debug)]
pub struct GradeRequest {
    /// The number of the build that made it.
    pub number: u64,
    /// The number of the lab.
    pub lab: usize,
    /// Its name.
    pub name: String,
    /// The program.
    pub program: PathBuf,
}

/// How a run ended.
#[derive(Debug)]
pub enum Graded {
    /// With a report.
    Whole(Box<TargetReport>),
    /// It was stopped.
    Stopped,
    /// A worker died, or the system failed.
    Failed(anyhow::Error),
}

/// The attempts that a lab must block: its own and those of the labs before it.
pub fn attempts_of(lab: usize) -> Vec<&'static Attempt> {
    ALL.iter().filter(|attempt| attempt.first_lab() <= lab).collect()
}

/// The session's side of the thread: at most one request is running.
pub struct GradingThread {
    orders: Sender<GradeRequest>,
    stopper: Arc<Stopper>,
    at_work: bool,
    next: Option<GradeRequest>,
}

impl GradingThread {
    /// `orders` is the channel that [`serve`] reads.
    pub fn new(orders: Sender<GradeRequest>, stopper: Arc<Stopper>) -> GradingThread {
        GradingThread { orders, stopper, at_work: false, next: None }
    }

    /// Requests the grading of a program; a running one is stopped first.
    pub fn order(&mut self, order: GradeRequest) {
        self.next = Some(order);
        if self.at_work {
            self.stopper.start_no_more();
        } else {
            self.begin();
        }
    }

    /// Stops the running request as soon as possible.
    pub fn stop(&mut self) {
        self.next = None;
        if self.at_work {
            self.stopper.start_no_more();
        }
    }

    /// Must be called after each run.
    pub fn ended(&mut self) {
        self.at_work = false;
        self.begin();
    }

    /// Whether a request is running or waiting.
    pub fn is_busy(&self) -> bool {
        self.at_work || self.next.is_some()
    }

    fn begin(&mut self) {
        if let Some(order) = self.next.take() {
            self.stopper.go_on();
            self.at_work = self.orders.send(order).is_ok();
        }
    }
}

impl Drop for GradingThread {
    fn drop(&mut self) {
        self.stopper.leave();
    }
}

/// Serves requests until the channel is closed.
pub fn serve(
    workers: &mut Workers,
    setting: &Setting,
    orders: &Receiver<GradeRequest>,
    events: &Sender<Event>,
) {
    let mut controls = Controls::new();
    let rubric = Rubric::standard();
    for order in orders {
        let number = order.number;
        let judged = match judge(&order, setting, workers, &mut controls, events) {
            Ok(mut report) => {
                rubric.fill_in(&mut report);
                Graded::Whole(Box::new(report))
            }
            Err(error) => match error.downcast::<Interrupted>() {
                Ok(Interrupted(signal)) => {
                    let _ = events.send(Event::Signal(signal));
                    Graded::Stopped
                }
                Err(error) if error.is::<Stopped>() => Graded::Stopped,
                Err(error) => Graded::Failed(error),
            },
        };
        if events.send(Event::Graded(number, judged)).is_err() {
            return;
        }
    }
}

fn judge(
    order: &GradeRequest,
    setting: &Setting,
    workers: &mut Workers,
    controls: &mut Controls,
    events: &Sender<Event>,
) -> Result<TargetReport> {
    let decoy = setting.decoy;
    let asked = |attempt: &&Attempt| setting.attempts.iter().any(|it| it.id == attempt.id);
    let attempts: Vec<_> = attempts_of(order.lab).into_iter().filter(asked).collect();
    let missing: Vec<&'static Attempt> =
        attempts.iter().copied().filter(|attempt| !controls.contains_key(attempt.id)).collect();
    let target = Target::lab(order.lab, &order.name, &order.program, decoy);
    let run = Run { targets: vec![target], attempts, works: setting.works };
    let (mut done, all) = (0, missing.len() + run.trials());
    let mut tell = |event| {
        if let grading::TrialEvent::Trial = event {
            done += 1;
            let _ = events.send(Event::Trial(order.number, done, all));
        }
    };
    controls.extend(grading::controls(&missing, decoy, workers, &mut tell)?);
    let mut reports = grading::grade_all(&[run], controls, workers, &mut tell)?;
    reports.pop().context("nothing was graded")
}
