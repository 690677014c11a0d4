//! The pool: workers that do jobs one after the other, whatever becomes of one of them.
//!
//! A job is lost alone: where its worker dies, is silent, or answers what can't be read, that worker is ended and the next
//! job gets another one. A worker that died while it had nothing to do costs no job at all, and one that can't be started
//! is done without.

use super::schedule::Schedule;
use super::stopper::{GO_ON, START_NO_MORE, Stopped, Stopper};
use super::worker::{Worker, end};
use super::{Done, Job};
use crate::interrupts::Interrupted;
use anyhow::{Context, Result};
use nix::errno::Errno;
use nix::poll::{PollFd, PollFlags, PollTimeout, poll};
use nix::sys::signal::Signal;
use nix::sys::signalfd::SignalFd;
use std::os::fd::AsFd;
use std::sync::Arc;
use std::time::{Duration, Instant};

/// Two share two cores well: while one trial is taken down, the next is made.
pub const NUMBER: usize = 3;

/// So often a job is offered to a worker that turns out to be dead.
const OFFERS: usize = 3;

/// Where there is no worker at all, one is tried to be started for so long, and so often.
const START: Duration = Duration::from_secs(10);
const INTERVAL: Duration = Duration::from_millis(100);

/// Who starts workers.
pub(super) trait Maker {
    /// One more.
    fn make(&mut self) -> Result<Worker>;
}

/// The workers, and who starts others.
pub(super) struct Pool<M: Maker> {
    pub(super) list: Vec<Worker>,
    pub(super) maker: M,
    /// No job takes longer.
    pub(super) limit: Duration,
    pub(super) schedule: Schedule,
    pub(super) stopper: Arc<Stopper>,
    pub(super) interrupts: SignalFd,
}

impl<M: Maker> Pool<M> {
    /// Starts as many as there should be, or as can be.
    ///
    /// # Errors
    /// Why none could be started.
    pub(super) fn fill(&mut self) -> Result<()> {
        while self.list.len() < NUMBER {
            match self.maker.make() {
                Ok(worker) => self.list.push(worker),
                Err(error) if self.list.is_empty() => return Err(error),
                Err(_) => return Ok(()),
            }
        }
        Ok(())
    }

    /// See [`Workers::run_unless`](super::Workers::run_unless).
    pub(super) fn run_unless(
        &mut self,
        jobs: &[Job],
        skip: impl Fn(&Job) -> bool,
        mut done: impl FnMut(usize, Done),
    ) -> Result<()> {
        let mut next = 0;
        loop {
            match self.stopper.how() {
                GO_ON => {}
                START_NO_MORE => next = jobs.len(),
                _ => return Err(Stopped.into()),
            }
            while let Some(job) = jobs.get(next) {
                if skip(job) {
                    next += 1;
                    continue;
                }
                let idle = match self.idle() {
                    Ok(Some(idle)) => idle,
                    Ok(None) => break,
                    Err(error) => {
                        let why = format!("no worker can be started: {error:#}");
                        let rest = (next..jobs.len()).filter(|at| !skip(&jobs[*at]));
                        rest.for_each(|at| done(at, jobs[at].not_run(&why)));
                        next = jobs.len();
                        break;
                    }
                };
                let running = self.list.iter().filter_map(|worker| worker.at).map(|(at, _)| &jobs[at]);
                if !self.schedule.may_start(job, running) {
                    break;
                }
                if !self.offer(idle, next, job) {
                    done(next, job.lost("no worker takes it"));
                }
                next += 1;
            }
            if next >= jobs.len() && self.list.iter().all(|worker| worker.at.is_none()) {
                return if self.stopper.how() == GO_ON { Ok(()) } else { Err(Stopped.into()) };
            }
            for at in self.wait()? {
                let Some((job, deadline)) = self.list[at].at else {
                    // It has nothing to say: it is dead.
                    self.give_up(at);
                    continue;
                };
                match self.answer(at, deadline) {
                    Ok(answer) => {
                        self.list[at].at = None;
                        done(job, answer);
                    }
                    Err(why) => {
                        self.give_up(at);
                        done(job, jobs[job].lost(&why));
                    }
                }
            }
        }
    }

    /// A worker that has nothing to do; where there are too few, a new one. None where all are busy.
    ///
    /// # Errors
    /// There is no worker, and none can be started.
    fn idle(&mut self) -> Result<Option<usize>> {
        let begun = Instant::now();
        loop {
            if let Some(idle) = self.list.iter().position(|worker| worker.at.is_none()) {
                return Ok(Some(idle));
            }
            if self.list.len() >= NUMBER {
                return Ok(None);
            }
            match self.maker.make() {
                Ok(worker) => self.list.push(worker),
                Err(_) if !self.list.is_empty() => return Ok(None),
                Err(error) if begun.elapsed() > START || self.stopper.how() != GO_ON => return Err(error),
                // What the last one has left may take a moment to end.
                Err(_) => std::thread::sleep(INTERVAL),
            }
        }
    }

    /// Gives a job to an idle worker; if that has died meanwhile, to a new one.
    fn offer(&mut self, idle: usize, number: usize, job: &Job) -> bool {
        let mut to = idle;
        for _ in 0..OFFERS {
            let worker = &mut self.list[to];
            if worker.channel.as_ref().is_some_and(|channel| channel.send(job, &[]).is_ok()) {
                worker.at = Some((number, Instant::now() + self.limit));
                return true;
            }
            self.give_up(to);
            let Ok(worker) = self.maker.make() else { return false };
            self.list.push(worker);
            to = self.list.len() - 1;
        }
        false
    }

    /// What a worker says; the error is why its job is lost. Who has said it in time may be read late.
    fn answer(&self, at: usize, deadline: Instant) -> Result<Done, String> {
        const DEAD: &str = "the process that ran it died";
        let Some(channel) = &self.list[at].channel else { return Err(DEAD.into()) };
        if Instant::now() >= deadline && !channel.has_message(0) {
            return Err(format!("it did not come to its end within {} s", self.limit.as_secs()));
        }
        match channel.receive() {
            Ok(Some((answer, _))) => Ok(answer),
            Ok(None) => Err(DEAD.into()),
            Err(error) => Err(format!("what the process that ran it answered can't be read: {error:#}")),
        }
    }

    /// Ends a worker, whatever it does.
    fn give_up(&mut self, at: usize) {
        let mut lost = self.list.swap_remove(at);
        lost.channel = None;
        end(std::slice::from_ref(&lost));
    }

    /// Waits until some workers have something to say, or have had their time.
    fn wait(&mut self) -> Result<Vec<usize>> {
        let deadlines = self.list.iter().filter_map(|worker| worker.at).map(|(_, deadline)| deadline);
        let first = deadlines.chain(self.schedule.ask_again()).min();
        let left = first.map(|first| first.saturating_duration_since(Instant::now()).as_millis() as i32 + 1);
        let left = left.map_or(PollTimeout::NONE, |left| left.try_into().unwrap_or(PollTimeout::MAX));
        let ready: Vec<bool> = {
            let channels = self.list.iter().filter_map(|worker| worker.channel.as_ref());
            let mut fds: Vec<PollFd> = [self.interrupts.as_fd(), self.stopper.wake.as_fd()]
                .into_iter()
                .chain(channels.map(AsFd::as_fd))
                .map(|fd| PollFd::new(fd, PollFlags::POLLIN))
                .collect();
            match poll(&mut fds, left) {
                Err(Errno::EINTR) => return Ok(Vec::new()),
                other => other.context("poll(2)")?,
            };
            fds.iter().map(|fd| fd.any().unwrap_or(true)).collect()
        };
        if ready[0]
            && let Ok(Some(info)) = self.interrupts.read_signal()
        {
            let signal = Signal::try_from(info.ssi_signo as i32).unwrap_or(Signal::SIGTERM);
            return Err(Interrupted(signal).into());
        }
        if ready[1] {
            // The caller looks at what it was told.
            let _ = self.stopper.wake.read();
        }
        let now = Instant::now();
        let is_late = |at: usize| self.list[at].at.is_some_and(|(_, deadline)| deadline <= now);
        let mut found: Vec<usize> = (0..self.list.len()).filter(|at| ready[at + 2] || is_late(*at)).collect();
        // The last first: who is given up leaves the list.
        found.reverse();
        Ok(found)
    }
}

#[cfg(test)]
mod tests;
