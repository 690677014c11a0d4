//! Workers: processes that run trials.
//!
//! A decoy's PID 1 is a copy of the process that makes it, and a copy of a process with threads is not safe to
//! run on. So trials run in workers, which the grader forks before it starts anything else and which have one
//! thread each. They are told what to do, and answer, over a socket.

use crate::decoy::channel::Channel;
use crate::decoy::disk::Disk;
use crate::decoy::groups::Groups;
use crate::decoy::hierarchy::Hierarchy;
use crate::decoy::{close_all_but, own_mount_namespace};
use crate::keeper::{self, Keeper, ProcessGroups};
use crate::target::Target;
use crate::trial::image::Image;
use crate::trial::shared::Shared;
use crate::trial::works::{Works, works};
use crate::trial::{Facts, Stage, attempt, session};
use anyhow::{Context, Result, bail};
use attempts::attempts::Attempt;
use nix::libc;
use nix::mount::{MsFlags, mount};
use nix::poll::{PollFd, PollFlags, PollTimeout, poll};
use nix::sys::eventfd::{EfdFlags, EventFd};
use nix::sys::prctl;
use nix::sys::signal::{SigSet, Signal, kill};
use nix::sys::signalfd::{SfdFlags, SignalFd};
use nix::unistd::{ForkResult, Pid, fork, geteuid, getppid, setsid};
use serde::{Deserialize, Serialize};
use std::cell::OnceCell;
use std::fs;
use std::os::fd::AsFd;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicU8, Ordering};
use std::time::Duration;

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

/// Why a run ended before its end: this signal.
#[derive(Debug)]
pub struct Interrupted(pub Signal);

impl std::fmt::Display for Interrupted {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "ended by {}", self.0)
    }
}

impl std::error::Error for Interrupted {}

/// A run ended since it was told to: see [`Stopper`].
#[derive(Debug)]
pub struct Stopped;

impl std::fmt::Display for Stopped {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("stopped")
    }
}

impl std::error::Error for Stopped {}

/// Ends runs, from another thread than theirs.
pub struct Stopper {
    how: AtomicU8,
    wake: EventFd,
}

const GO_ON: u8 = 0;
const START_NO_MORE: u8 = 1;
const LEAVE: u8 = 2;

impl Stopper {
    fn new() -> Result<Stopper> {
        let flags = EfdFlags::EFD_CLOEXEC | EfdFlags::EFD_NONBLOCK;
        let wake = EventFd::from_value_and_flags(0, flags).context("eventfd(2)")?;
        Ok(Stopper { how: AtomicU8::new(GO_ON), wake })
    }

    /// A run ends as soon as the trials under way have ended, and the next ones before they begin.
    pub fn start_no_more(&self) {
        self.say(START_NO_MORE);
    }

    /// A run ends at once. The workers then serve for nothing but to be dropped.
    pub fn leave(&self) {
        self.say(LEAVE);
    }

    /// Runs are run again, to their end. None may be under way.
    pub fn go_on(&self) {
        self.how.store(GO_ON, Ordering::SeqCst);
        let _ = self.wake.read();
    }

    fn say(&self, how: u8) {
        self.how.fetch_max(how, Ordering::SeqCst);
        let _ = self.wake.write(1);
    }

    fn how(&self) -> u8 {
        self.how.load(Ordering::SeqCst)
    }
}

/// The workers of one grader.
pub struct Workers {
    list: Vec<Worker>,
    stopper: Arc<Stopper>,
    interrupts: SignalFd,
    old_mask: SigSet,
    // Dropped last: it removes what the workers have used.
    keeper: Keeper,
}

struct Worker {
    pid: Pid,
    channel: Option<Channel>,
    at: Option<usize>,
}

impl Workers {
    /// Starts them. The calling process must have one thread.
    pub fn start(rootfs: &Path, limit: Duration) -> Result<Workers> {
        let mut keeper = Keeper::start()?;
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
        let mut list = Vec::new();
        for number in 0..NUMBER {
            let name = format!("{}-{number}", keeper::own_name());
            let groups = Groups::plan(&name);
            for group in &groups.list {
                keeper.remove_at_the_end(&group.path)?;
            }
            keeper.remove_hierarchy_at_the_end(&name)?;
            let directory = keeper.directory.join(format!("worker-{number}"));
            fs::create_dir(&directory).with_context(|| format!("can't make {}", directory.display()))?;
            let (ours, theirs) = Channel::pair()?;
            // SAFETY: this process has one thread.
            match unsafe { fork() }.context("fork(2)")? {
                ForkResult::Child => {
                    drop(ours);
                    list.clear();
                    keeper.forget();
                    let setup = Setup { name, directory, rootfs, probe: &probe, limit, groups };
                    let status = setup.serve(&theirs).is_err().into();
                    // SAFETY: ends this process without running what the grader would run at its exit.
                    unsafe { libc::_exit(status) }
                }
                ForkResult::Parent { child } => {
                    list.push(Worker { pid: child, channel: Some(ours), at: None });
                }
            }
        }
        Ok(Workers { list, stopper: Arc::new(Stopper::new()?), interrupts, old_mask, keeper })
    }

    /// The grader's temporary directory.
    pub fn directory(&self) -> &Path {
        &self.keeper.directory
    }

    /// Tells the keeper of process groups that end with the grader, however it ends.
    pub fn process_groups(&self) -> Result<ProcessGroups> {
        self.keeper.groups()
    }

    /// What ends their runs.
    pub fn stopper(&self) -> Arc<Stopper> {
        self.stopper.clone()
    }

    /// Runs jobs, and calls `done` with the number of each one that is.
    ///
    /// # Errors
    /// [`Interrupted`], [`Stopped`], or a worker died.
    pub fn run(&mut self, jobs: &[Job], mut done: impl FnMut(usize, Done)) -> Result<()> {
        let (mut next, mut open) = (0, 0);
        loop {
            match self.stopper.how() {
                GO_ON => {}
                START_NO_MORE => next = jobs.len(),
                _ => return Err(Stopped.into()),
            }
            for worker in self.list.iter_mut().filter(|worker| worker.at.is_none()) {
                if let (Some(job), Some(channel)) = (jobs.get(next), &worker.channel) {
                    channel.send(job, &[]).context("a worker died")?;
                    worker.at = Some(next);
                    next += 1;
                    open += 1;
                }
            }
            if open == 0 {
                return if self.stopper.how() == GO_ON { Ok(()) } else { Err(Stopped.into()) };
            }
            for at in self.wait()? {
                let worker = &mut self.list[at];
                let channel = worker.channel.as_ref().context("a worker died")?;
                let Some((answer, _)) = channel.receive()? else { bail!("a worker died") };
                done(worker.at.take().context("a worker spoke unasked")?, answer);
                open -= 1;
            }
        }
    }

    /// Waits until some workers have something to say.
    fn wait(&mut self) -> Result<Vec<usize>> {
        let ready: Vec<bool> = {
            let channels = self.list.iter().filter_map(|worker| worker.channel.as_ref());
            let mut fds: Vec<PollFd> = [self.interrupts.as_fd(), self.stopper.wake.as_fd()]
                .into_iter()
                .chain(channels.map(AsFd::as_fd))
                .map(|fd| PollFd::new(fd, PollFlags::POLLIN))
                .collect();
            match poll(&mut fds, PollTimeout::NONE) {
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
        Ok((0..self.list.len()).filter(|at| ready[at + 2]).collect())
    }
}

impl Drop for Workers {
    /// Waits until every worker, and all that they left behind, has ended.
    fn drop(&mut self) {
        for worker in &mut self.list {
            worker.channel = None;
            if worker.at.is_some() {
                let _ = kill(worker.pid, Signal::SIGKILL);
            }
        }
        for worker in &self.list {
            let _ = nix::sys::wait::waitpid(worker.pid, None);
        }
        // The decoys' PID 1s, if a worker was killed: each ends by its PDEATHSIG.
        let orphans =
            fs::read_to_string(format!("/proc/self/task/{}/children", Pid::this())).unwrap_or_default();
        let keeper = self.keeper.pid;
        for orphan in orphans.split_whitespace().filter_map(|pid| pid.parse().ok()) {
            if Pid::from_raw(orphan) != keeper {
                let _ = kill(Pid::from_raw(orphan), Signal::SIGKILL);
                let _ = nix::sys::wait::waitpid(Pid::from_raw(orphan), None);
            }
        }
        let _ = self.old_mask.thread_set_mask();
    }
}

/// What a worker begins with.
struct Setup<'a> {
    name: String,
    directory: PathBuf,
    rootfs: &'a Path,
    probe: &'a Path,
    limit: Duration,
    groups: Groups,
}

impl Setup<'_> {
    /// A worker, to its end: the grader closes the channel, or dies.
    fn serve(&self, channel: &Channel) -> Result<()> {
        let grader = getppid();
        close_all_but(channel.descriptor());
        setsid()?;
        prctl::set_pdeathsig(Signal::SIGKILL)?;
        if getppid() != grader {
            return Ok(());
        }
        let stage = self.stage();
        while let Some((job, _)) = channel.receive::<Job>()? {
            let done = match (&stage, job) {
                (Ok(stage), Job::Attempt { target, id }) => match Attempt::find(&id) {
                    Some(it) => Done::Attempt(attempt(stage, &target, it)),
                    None => bail!("no attempt is called {id}"),
                },
                (Ok(stage), Job::Works { target, lab }) => Done::Works(works(stage, &target, lab)),
                (Err(why), Job::Attempt { .. }) => {
                    Done::Attempt(Facts { no_decoy: Some(format!("{why:#}")), ..Facts::default() })
                }
                (Err(why), Job::Works { .. }) => {
                    Done::Works(Works { no_decoy: Some(format!("{why:#}")), ..Works::default() })
                }
            };
            channel.send(&done, &[])?;
        }
        Ok(())
    }

    fn stage(&self) -> Result<Stage> {
        self.groups.join()?;
        own_mount_namespace()?;
        let disk = if geteuid().is_root() {
            // /tmp may be mounted nodev: a place of our own for device nodes.
            let flags = MsFlags::empty();
            mount(Some("decoy"), &self.directory, Some("tmpfs"), flags, Some("mode=755,size=1m"))
                .context("mount(2) of a tmpfs")?;
            Disk::make(&self.directory).map_err(|error| format!("{error:#}"))
        } else {
            Err("only root can make one".to_owned())
        };
        let directory = self.directory.join("stage");
        fs::create_dir(&directory).with_context(|| format!("can't make {}", directory.display()))?;
        Ok(Stage {
            directory,
            rootfs: self.rootfs.to_owned(),
            probe: self.probe.to_owned(),
            image: Image::new(PROBE.to_vec()),
            groups: self.groups.clone(),
            hierarchy: Hierarchy::new(&self.name, self.directory.join("hierarchy")),
            disk,
            ext4: OnceCell::new(),
            children: session::children()?,
            limit: self.limit,
            shared: Shared::default(),
        })
    }
}
