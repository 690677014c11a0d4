//! Which job may start while others run.
//!
//! Where each decoy has ids of its own, any may. Else all have the person's, and share what the kernel counts by user:
//! then programs take turns, and what one has left in use is waited for before the next one begins.

use super::Job;
use super::usage::Usage;
use crate::decoy::ids;
use crate::target::Target;
use std::time::{Duration, Instant};

/// So long the end of what a program has left is waited for.
const TIMEOUT: Duration = Duration::from_secs(10);

/// How often it is asked for.
const INTERVAL: Duration = Duration::from_millis(20);

/// Lets programs take turns, where they must.
pub struct Schedule {
    take_turns: bool,
    /// Whose jobs were started last.
    last: Option<Target>,
    measure: fn() -> Usage,
    /// What was in use before the first job.
    baseline: Usage,
    /// Since when the next program waits.
    waiting: Option<Instant>,
    notes: Vec<String>,
}

impl Schedule {
    /// For this person, on this machine.
    pub fn new() -> Schedule {
        let take_turns = !ids::are_many();
        let baseline = if take_turns { Usage::now() } else { Usage::default() };
        let measure = Usage::now;
        Schedule { take_turns, last: None, measure, baseline, waiting: None, notes: Vec::new() }
    }

    /// Whether a job may start beside those that run.
    pub fn may_start<'a>(&mut self, job: &Job, mut running: impl Iterator<Item = &'a Job>) -> bool {
        let target = job.target();
        if !self.take_turns || self.last.as_ref() == Some(target) {
            return true;
        }
        if running.next().is_some() {
            return false;
        }
        if let Some(last) = &self.last {
            let left = (self.measure)().beyond(&self.baseline);
            let since = *self.waiting.get_or_insert_with(Instant::now);
            if !left.is_empty() && since.elapsed() < TIMEOUT {
                return false;
            }
            if !left.is_empty() {
                let (what, seconds) = (left.join(", "), TIMEOUT.as_secs());
                self.notes.push(format!(
                    "{} has left in use, {seconds} s after its end: {what}; what comes after it has less",
                    last.name
                ));
                self.baseline = (self.measure)();
            }
        }
        self.waiting = None;
        self.last = Some(target.clone());
        true
    }

    /// When to ask once more, if a job waits for something that nobody tells of.
    pub fn ask_again(&self) -> Option<Instant> {
        self.waiting.map(|_| Instant::now() + INTERVAL)
    }

    /// What was left in use, in words.
    pub fn notes(&self) -> &[String] {
        &self.notes
    }
}

impl Default for Schedule {
    fn default() -> Schedule {
        Schedule::new()
    }
}

#[cfg(test)]
impl Schedule {
    /// None waits for another.
    pub fn all_at_once() -> Schedule {
        let (baseline, measure) = (Usage::default(), Usage::now as fn() -> Usage);
        Schedule { take_turns: false, last: None, measure, baseline, waiting: None, notes: Vec::new() }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::report::DecoyKind;

    fn job(name: &str) -> Job {
        let target = Target { name: name.into(), ..Target::bare(DecoyKind::User) };
        Job::Attempt { target, id: "mount".into() }
    }

    fn schedule(take_turns: bool, measure: fn() -> Usage) -> Schedule {
        let baseline = Usage::default();
        Schedule { take_turns, last: None, measure, baseline, waiting: None, notes: Vec::new() }
    }

    #[test]
    fn with_one_id_programs_take_turns() {
        let mut schedule = schedule(true, Usage::default);
        assert!(schedule.may_start(&job("a"), [].iter()));
        assert!(schedule.may_start(&job("a"), [job("a")].iter()));
        assert!(!schedule.may_start(&job("b"), [job("a")].iter()));
        assert!(schedule.may_start(&job("b"), [].iter()));
        assert!(!schedule.may_start(&job("a"), [job("b")].iter()));
        assert_eq!(schedule.notes(), [] as [String; 0]);
    }

    #[test]
    fn with_ids_of_their_own_they_do_not() {
        let mut schedule = schedule(false, Usage::default);
        assert!(schedule.may_start(&job("a"), [job("b")].iter()));
    }

    #[test]
    fn what_stays_in_use_is_waited_for_and_then_said() {
        let mut schedule = schedule(true, || Usage::used_up("message queues"));
        assert!(schedule.may_start(&job("a"), [].iter()));
        assert!(!schedule.may_start(&job("b"), [].iter()));
        assert!(schedule.ask_again().is_some());
        schedule.waiting = Instant::now().checked_sub(TIMEOUT);
        assert!(schedule.may_start(&job("b"), [].iter()));
        assert!(schedule.notes()[0].starts_with("a has left in use"), "{:?}", schedule.notes());
        // Nobody waits for the same twice.
        assert!(schedule.may_start(&job("c"), [].iter()));
    }
}
