//! Workers: processes that run trials. They are told what to do, and answer, over a socket.
//!
//! A decoy's PID 1 is a copy of the process that makes it. So trials run in processes of one thread each that hold
//! nothing of the person who called the grader: see [`process`].
//!
//! # Layout
//! - [`stopper`]: what ends a run before its end. [`process`]: a worker's own side. [`schedule`]: which job is next. [`usage`]: what one user still has in use.

pub mod process;
pub mod schedule;
pub mod stopper;
pub mod usage;

use crate::channel::Channel;
use crate::decoy::delegated;
use crate::decoy::groups::Groups;
use crate::interrupts::Interrupted;
use crate::runner::keeper::Keeper;
use crate::runner::keeper::record::Record;
use crate::target::Target;
use crate::trial::Facts;
use crate::trial::works::Works;
use anyhow::{Context, Result};
use nix::poll::{PollFd, PollFlags, PollTimeout, poll};
use nix::sys::prctl;
use nix::sys::signal::{SigSet, Signal, kill};
use nix::sys::signalfd::{SfdFlags, SignalFd};
use nix::sys::wait::{WaitPidFlag, WaitStatus, waitpid};
use nix::unistd::Pid;
use process::Setup;
use schedule::Schedule;
use serde::{Deserialize, Serialize};
use std::fs;
use std::os::fd::AsFd;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{Duration, Instant};
use stopper::{GO_ON, START_NO_MORE};
pub use stopper::{Stopped, Stopper};

/// The probe, as the build script made it.
const PROBE: &[u8] = include_bytes!(concat!(env!("OUT_DIR"), "/probe"));

/// Two share two cores well: while one trial is taken down, the next is made.
pub const NUMBER: usize = 3;

/// What a worker is asked for.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub enum Job {
    /// One attempt.
    Attempt {
        /// What is aimed at.
        target: Target,
        /// The attempt.
        id: String,
    },
    /// The works checks.
    Works {
        /// What is aimed at.
        target: Target,
        /// The lab whose checks are asked for; all of them for another program.
        lab: Option<usize>,
    },
}

/// What it answers.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub enum Done {
    /// To an attempt.
    Attempt(Facts),
    /// To works checks.
    Works(Works),
}

/// The workers of one grader.
pub struct Workers {
    list: Vec<Worker>,
    plan: WorkerSettings,
    schedule: Schedule,
    stopper: Arc<Stopper>,
    interrupts: SignalFd,
    old_mask: SigSet,
    // Dropped last: it removes what the workers have used.
    keeper: Keeper,
}

/// What every worker begins with.
struct WorkerSettings {
    rootfs: PathBuf,
    probe: PathBuf,
    limit: Duration,
    /// How many workers there were.
    started: usize,
}

struct Worker {
    pid: Pid,
    channel: Option<Channel>,
    groups: Groups,
    /// The job that it does, and when it must have done it.
    at: Option<(usize, Instant)>,
}

/// A worker that has something to say says all of it within this time.
const MESSAGE: Duration = Duration::from_secs(30);

/// A worker, and all that a dead one left, has ended within this time.
const END: Duration = Duration::from_secs(30);

impl Workers {
    /// Starts them. The calling process must have one thread.
    ///
    /// # Errors
    /// No temporary directory, or the system refuses processes.
    pub fn start(rootfs: &Path, limit: Duration) -> Result<Workers> {
        delegated::enter();
        let keeper = Keeper::start()?;
        let probe = keeper.directory.join("probe");
        fs::write(&probe, PROBE).with_context(|| format!("can't write {}", probe.display()))?;
        fs::set_permissions(&probe, std::os::unix::fs::PermissionsExt::from_mode(0o755))?;
        // Whoever a worker leaves behind becomes our child, so that we can wait for its end (prctl(2)).
        prctl::set_child_subreaper(true).context("PR_SET_CHILD_SUBREAPER")?;

        let mut mask = SigSet::empty();
        for signal in [Signal::SIGINT, Signal::SIGTERM, Signal::SIGHUP] {
            mask.add(signal);
        }
        let old_mask = SigSet::thread_get_mask()?;
        mask.thread_block()?;
        let interrupts = SignalFd::with_flags(&mask, SfdFlags::SFD_CLOEXEC | SfdFlags::SFD_NONBLOCK)?;
        let plan = WorkerSettings { rootfs: rootfs.to_owned(), probe, limit, started: 0 };
        let stopper = Arc::new(Stopper::new()?);
        let schedule = Schedule::new();
        let mut workers = Workers { list: Vec::new(), plan, schedule, stopper, interrupts, old_mask, keeper };
        for _ in 0..NUMBER {
            let worker = workers.plan.worker(&mut workers.keeper)?;
            workers.list.push(worker);
        }
        Ok(workers)
    }

    /// The grader's temporary directory.
    pub fn directory(&self) -> &Path {
        &self.keeper.directory
    }

    /// What ends their runs.
    pub fn stopper(&self) -> Arc<Stopper> {
        self.stopper.clone()
    }

    /// What programs have left in use that the next ones may have missed, in words.
    pub fn notes(&self) -> &[String] {
        self.schedule.notes()
    }

    /// Runs jobs, and calls `done` with the number of each one that is.
    ///
    /// # Errors
    /// [`Interrupted`] or [`Stopped`], or no worker can be started.
    pub fn run(&mut self, jobs: &[Job], done: impl FnMut(usize, Done)) -> Result<()> {
        self.run_unless(jobs, |_| false, done)
    }

    /// The same; when its turn comes, a job that `skip` names is passed over.
    ///
    /// # Errors
    /// Those of [`Workers::run`].
    pub fn run_unless(
        &mut self,
        jobs: &[Job],
        skip: impl Fn(&Job) -> bool,
        mut done: impl FnMut(usize, Done),
    ) -> Result<()> {
        let (mut next, mut open) = (0, 0);
        loop {
            match self.stopper.how() {
                GO_ON => {}
                START_NO_MORE => next = jobs.len(),
                _ => return Err(Stopped.into()),
            }
            while let Some(job) = jobs.get(next)
                && let Some(idle) = self.list.iter().position(|worker| worker.at.is_none())
            {
                if skip(job) {
                    next += 1;
                    continue;
                }
                let running = self.list.iter().filter_map(|worker| worker.at).map(|(at, _)| &jobs[at]);
                if !self.schedule.may_start(job, running) {
                    break;
                }
                let worker = &mut self.list[idle];
                let sent = worker.channel.as_ref().is_some_and(|channel| channel.send(job, &[]).is_ok());
                worker.at = Some((next, Instant::now() + self.plan.job_limit()));
                if !sent {
                    self.give_up(idle, "the worker died", jobs, &mut done)?;
                } else {
                    open += 1;
                }
                next += 1;
            }
            if open == 0 && next >= jobs.len() {
                return if self.stopper.how() == GO_ON { Ok(()) } else { Err(Stopped.into()) };
            }
            for at in self.wait()? {
                let worker = &mut self.list[at];
                let Some((job, deadline)) = worker.at else { continue };
                let answer = match &worker.channel {
                    Some(channel) if Instant::now() < deadline => channel.receive(),
                    _ => Ok(None),
                };
                open -= 1;
                if let Ok(Some((answer, _))) = answer {
                    worker.at = None;
                    done(job, answer);
                } else {
                    let seconds = self.plan.job_limit().as_secs();
                    let why = match Instant::now() < deadline {
                        true => "the process that ran it died".to_owned(),
                        false => format!("it did not come to its end within {seconds} s"),
                    };
                    self.give_up(at, &why, jobs, &mut done)?;
                }
            }
        }
    }

    /// Ends a worker whose job is lost, and starts another one.
    fn give_up(
        &mut self,
        at: usize,
        why: &str,
        jobs: &[Job],
        done: &mut impl FnMut(usize, Done),
    ) -> Result<()> {
        let mut lost = self.list.swap_remove(at);
        lost.channel = None;
        end(std::slice::from_ref(&lost));
        if let Some((job, _)) = lost.at {
            done(job, jobs[job].lost(why));
        }
        let worker = self.plan.worker(&mut self.keeper)?;
        self.list.push(worker);
        Ok(())
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
                Err(nix::errno::Errno::EINTR) => return Ok(Vec::new()),
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

impl WorkerSettings {
    /// No job takes longer, not with all its starts and tries.
    fn job_limit(&self) -> Duration {
        self.limit * 6 + Duration::from_secs(30)
    }

    /// Starts one more.
    fn worker(&mut self, keeper: &mut Keeper) -> Result<Worker> {
        let name = format!("{}-{}", keeper.name(), self.started);
        let directory = keeper.directory.join(format!("worker-{}", self.started));
        self.started += 1;
        let groups = Groups::plan(&name);
        for group in &groups.list {
            keeper.tell(&Record::ControlGroup(group.path.clone()))?;
        }
        keeper.tell(&Record::Hierarchy(name.clone()))?;
        fs::create_dir(&directory).with_context(|| format!("can't make {}", directory.display()))?;
        let (ours, theirs) = Channel::pair(MESSAGE)?;
        let pid = process::start(theirs.into_socket())?;
        let worker = Worker { pid, channel: Some(ours), groups: groups.clone(), at: None };
        let setup = Setup {
            grader: Pid::this().as_raw(),
            name,
            directory,
            rootfs: self.rootfs.clone(),
            probe: self.probe.clone(),
            limit: self.limit,
            groups,
        };
        // One that is dead already is noticed with its first job.
        let _ = worker.channel.as_ref().map(|channel| channel.send(&setup, &[]));
        Ok(worker)
    }
}

/// Ends workers that have no channel any more, and waits until they, and all that they left behind, have ended. A
/// process in a group without CPU time, or in a frozen one, does not even die before the groups are released.
fn end(workers: &[Worker]) {
    for worker in workers.iter().filter(|worker| worker.at.is_some()) {
        let _ = kill(worker.pid, Signal::SIGKILL);
        worker.groups.release();
    }
    let deadline = Instant::now() + END;
    let mut asked = Instant::now();
    let mut left: Vec<Pid> = workers.iter().map(|worker| worker.pid).collect();
    while Instant::now() < deadline {
        left.retain(|pid| waitpid(*pid, Some(WaitPidFlag::WNOHANG)) == Ok(WaitStatus::StillAlive));
        // The decoys' PID 1s, if a worker was killed: each ends by its PDEATHSIG, once it gets to run.
        if left.is_empty() && orphans().is_empty() {
            return;
        }
        if asked.elapsed() > Duration::from_millis(200) {
            asked = Instant::now();
            for worker in workers.iter().filter(|worker| worker.at.is_some()) {
                worker.groups.release();
                worker.groups.kill(|_| true);
            }
        }
        std::thread::sleep(Duration::from_millis(1));
    }
}

/// Ends the PID 1s of decoys whose worker was killed, and says which have not ended yet. They are this process's
/// children by now, and each knows itself by the number 1 (NSpid in proc_pid_status(5)).
fn orphans() -> Vec<Pid> {
    let children =
        fs::read_to_string(format!("/proc/self/task/{}/children", Pid::this())).unwrap_or_default();
    let is_pid1 = |pid: &i32| {
        let status = fs::read_to_string(format!("/proc/{pid}/status")).unwrap_or_default();
        let numbers = status.lines().find_map(|line| line.strip_prefix("NSpid:")).unwrap_or_default();
        let numbers = numbers.split_whitespace().skip(1);
        numbers.last() == Some("1")
    };
    let pids = children.split_whitespace().filter_map(|pid| pid.parse().ok()).filter(is_pid1);
    let mut left: Vec<Pid> = pids.map(Pid::from_raw).collect();
    left.retain(|pid| {
        let _ = kill(*pid, Signal::SIGKILL);
        waitpid(*pid, Some(WaitPidFlag::WNOHANG)) == Ok(WaitStatus::StillAlive)
    });
    left
}

impl Drop for Workers {
    /// Waits until every worker, and all that they left behind, has ended.
    fn drop(&mut self) {
        self.list.iter_mut().for_each(|worker| worker.channel = None);
        end(&self.list);
        let _ = self.old_mask.thread_set_mask();
    }
}

impl Job {
    /// What is aimed at.
    pub fn target(&self) -> &Target {
        match self {
            Job::Attempt { target, .. } | Job::Works { target, .. } => target,
        }
    }

    /// What is known of it where its worker is gone.
    fn lost(&self, why: &str) -> Done {
        let why = Some(why.to_owned());
        match self {
            Job::Attempt { .. } => Done::Attempt(Facts { distrust: why, ..Facts::default() }),
            Job::Works { .. } => Done::Works(Works { lost: why, ..Works::default() }),
        }
    }
}

impl Done {
    /// Why no decoy host could be made for it, if so.
    pub fn no_decoy(&self) -> Option<&str> {
        match self {
            Done::Attempt(facts) => facts.no_decoy.as_deref(),
            Done::Works(works) => works.no_decoy.as_deref(),
        }
    }

    /// Notes that it was the target's own doing that no decoy host could be made for it.
    pub fn blame_the_target(&mut self) {
        let (no_decoy, blame) = match self {
            Done::Attempt(facts) => (&mut facts.no_decoy, &mut facts.distrust),
            Done::Works(works) => (&mut works.no_decoy, &mut works.lost),
        };
        *blame = no_decoy.take().map(|why| format!("for this program no decoy host can be made: {why}"));
    }
}
