//! Workers: processes that run trials. They are told what to do, and answer, over a socket.
//!
//! A decoy's PID 1 is a copy of the process that makes it. So trials run in processes of one thread each that hold
//! nothing of the person who called the grader: see [`process`].
//!
//! # Layout
//! - [`pool`]: the workers and their jobs. [`process`]: a worker's own side. [`worker`]: a worker from outside, and its end.
//! - [`schedule`]: which job is next. [`usage`]: what one user still has in use. [`stopper`]: what ends a run before its end.

mod pool;
pub mod process;
pub mod schedule;
pub mod stopper;
pub mod usage;
mod worker;

use crate::channel::Channel;
use crate::decoy::delegated;
use crate::decoy::groups::Groups;
use crate::interrupts;
use crate::runner::keeper::Keeper;
use crate::runner::keeper::record::Record;
use crate::target::Target;
use crate::trial::Facts;
use crate::trial::works::Works;
use anyhow::{Context, Result};
use attempts::rules::{Rule, Rules};
use nix::sys::prctl;
use nix::sys::signal::SigSet;
use nix::sys::signalfd::{SfdFlags, SignalFd};
use nix::unistd::Pid;
pub use pool::NUMBER;
use pool::{Maker, Pool};
use process::Setup;
use schedule::Schedule;
use serde::{Deserialize, Serialize};
use std::fs;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;
pub use stopper::{Stopped, Stopper};
use worker::{Worker, end};

/// The victim's program, as the build script made it.
const VICTIM: &[u8] = include_bytes!(concat!(env!("OUT_DIR"), "/victim"));

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
    pool: Pool<WorkerSettings>,
    old_mask: SigSet,
}

/// What every worker begins with.
struct WorkerSettings {
    rootfs: PathBuf,
    victim: PathBuf,
    limit: Duration,
    rules: Rules,
    /// How many workers there were.
    started: usize,
    /// It removes what the workers have used, after the end of the last one.
    keeper: Keeper,
}

/// A worker that has something to say says all of it within this time.
const MESSAGE: Duration = Duration::from_secs(30);

impl Workers {
    /// Starts them. The calling process must have one thread.
    ///
    /// # Errors
    /// No temporary directory, or the system refuses processes.
    pub fn start(rootfs: &Path, limit: Duration) -> Result<Workers> {
        Workers::start_without(rootfs, limit, &[])
    }

    /// The same without some of the judge's rules, for a test of what each is for.
    ///
    /// # Errors
    /// Those of [`Workers::start`].
    #[doc(hidden)]
    pub fn start_without(rootfs: &Path, limit: Duration, left_out: &[Rule]) -> Result<Workers> {
        let rules = Rules::without(left_out);
        delegated::enter();
        let keeper = Keeper::start()?;
        let victim = keeper.directory.join("victim");
        fs::write(&victim, VICTIM).with_context(|| format!("can't write {}", victim.display()))?;
        fs::set_permissions(&victim, std::os::unix::fs::PermissionsExt::from_mode(0o755))?;
        // Whoever a worker leaves behind becomes our child, so that we can wait for its end (prctl(2)).
        prctl::set_child_subreaper(true).context("PR_SET_CHILD_SUBREAPER")?;

        let mask = interrupts::ending();
        let old_mask = SigSet::thread_get_mask()?;
        mask.thread_block()?;
        let interrupts = SignalFd::with_flags(&mask, SfdFlags::SFD_CLOEXEC | SfdFlags::SFD_NONBLOCK)?;
        let pool = Pool {
            list: Vec::new(),
            maker: WorkerSettings { rootfs: rootfs.to_owned(), victim, limit, rules, started: 0, keeper },
            // With all its starts and tries.
            limit: limit * 6 + Duration::from_secs(30),
            schedule: Schedule::new(),
            stopper: Arc::new(Stopper::new()?),
            interrupts,
        };
        let mut workers = Workers { pool, old_mask };
        workers.pool.fill()?;
        Ok(workers)
    }

    /// The grader's temporary directory.
    pub fn directory(&self) -> &Path {
        &self.pool.maker.keeper.directory
    }

    /// What ends their runs.
    pub fn stopper(&self) -> Arc<Stopper> {
        self.pool.stopper.clone()
    }

    /// What programs have left in use that the next ones may have missed, in words.
    pub fn notes(&self) -> &[String] {
        self.pool.schedule.notes()
    }

    /// Runs jobs, and calls `done` with the number of each one that is.
    ///
    /// # Errors
    /// [`Interrupted`](crate::interrupts::Interrupted) or [`Stopped`]. What becomes of a worker is no error.
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
        done: impl FnMut(usize, Done),
    ) -> Result<()> {
        self.pool.run_unless(jobs, skip, done)
    }
}

impl Maker for WorkerSettings {
    fn make(&mut self) -> Result<Worker> {
        let keeper = &mut self.keeper;
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
            victim: self.victim.clone(),
            limit: self.limit,
            rules: self.rules,
            groups,
        };
        // One that is dead already is noticed with its first job.
        let _ = worker.channel.as_ref().map(|channel| channel.send(&setup, &[]));
        Ok(worker)
    }
}

impl Drop for Workers {
    /// Waits until every worker, and all that they left behind, has ended.
    fn drop(&mut self) {
        self.pool.list.iter_mut().for_each(|worker| worker.channel = None);
        end(&self.pool.list);
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

    /// What is known of it where no worker can be had.
    fn not_run(&self, why: &str) -> Done {
        let no_decoy = Some(why.to_owned());
        match self {
            Job::Attempt { .. } => Done::Attempt(Facts { no_decoy, ..Facts::default() }),
            Job::Works { .. } => Done::Works(Works { no_decoy, ..Works::default() }),
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
    /// The same, with no more of each text than goes into a report.
    fn bounded(self) -> Done {
        match self {
            Done::Attempt(facts) => Done::Attempt(facts.bounded()),
            Done::Works(works) => Done::Works(works.bounded()),
        }
    }

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
