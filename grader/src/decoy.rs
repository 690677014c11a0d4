//! The decoy host: a process tree in namespaces of its own whose PID 1 plays the host.
//!
//! An attempt never runs on the real host. What it could do to a host it does to this one, and what it did is
//! read from outside.
//!
//! # Layout
//! - [`ids`]: the ids that the decoy's user namespace gets.
//! - [`tree`]: its file tree, and [`layout`]: where things stand in it. [`disk`]: its disk. [`ext4`]: a file system of its. [`loop_device`]: what both are on.
//! - [`user_root`]: what lets its root do in a user namespace what root may do elsewhere.
//! - [`stakes`]: which of its files are at stake. [`image`]: the root file system as a hostile image, beside the honest one.
//! - [`victim`]: a process to attack. [`services`]: what else it holds. [`changes`]: what has changed in it, in its [`belongings`], and in
//!   which [`mount_lines`]. [`later`]: a mount that it makes while a container runs.
//! - [`end`]: how it ends. [`pid1`]: what its PID 1 does. [`messages`]: how that is told what to do. [`start`]: how it starts a program.
//! - [`limits`]: what nothing in it may exceed. [`groups`]: the control groups that it lives in. [`delegated`]: those
//!   of an ordinary user. [`group_tree`]: a group and all below it. [`quota`]: its CPU time. [`cgroupfs`]: reads and writes their files.
//! - [`hierarchy`]: a hierarchy of control groups that is there to be attacked.
//!
//! A decoy knows no attempt.

pub mod belongings;
pub mod cgroupfs;
pub mod changes;
pub mod delegated;
pub mod disk;
pub mod end;
pub mod ext4;
pub mod group_tree;
pub mod groups;
pub mod hierarchy;
pub mod ids;
pub mod image;
pub mod later;
pub mod layout;
pub mod limits;
pub mod loop_device;
pub mod messages;
pub mod mount_lines;
pub mod own_view;
pub mod pid1;
pub mod quota;
pub mod secrets;
pub mod services;
pub mod stakes;
pub mod start;
pub mod tree;
pub mod user_root;
pub mod victim;

use crate::beneath::Directory;
use crate::channel::Channel;
use crate::report::DecoyKind;
use anyhow::{Context, Result, bail};
use attempts::host::Ending;
use attempts::host::Served;
use disk::Disk;
use end::end;
pub use end::ending;
use ext4::Ext4;
use groups::Groups;
use ids::Lease;
use messages::{FromPid1, Ready, Snapshot, ToPid1};
use nix::libc;
use nix::sched::{CloneFlags, clone};
use nix::sys::signal::Signal;
use nix::unistd::{Pid, chdir};
use secrets::Secrets;
use stakes::{Canary, Stakes};
use start::{Program, Started};
use std::cell::{Cell, RefCell};
use std::collections::BTreeMap;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};
use tree::Tree;

/// What a decoy is made from.
pub struct Plan<'a> {
    /// Its kind.
    pub kind: DecoyKind,
    /// The root file system that is copied into it.
    pub rootfs: &'a Path,
    /// The victim's program.
    pub victim: &'a Path,
    /// Files of the program under test: where they are, and where they go.
    pub files: &'a [(PathBuf, PathBuf)],
    /// The program's working directory in the decoy: made where no file of its makes it.
    pub cwd: &'a Path,
    /// An empty directory of the grader's own to mount on.
    pub stage: &'a Path,
    /// The decoy disk, where one could be made.
    pub disk: Option<&'a Disk>,
    /// The worker's control groups.
    pub groups: &'a Groups,
    /// An ext4 file system with a volume, where one is asked for.
    pub ext4: Option<&'a Ext4>,
    /// What makes its root file system a hostile image, if it is to be one.
    pub image: Option<image::Link>,
}

/// Its PID 1 answers within this time: it makes its host in a tenth of a second on an idle machine.
const ANSWER: Duration = Duration::from_secs(20);

/// The file tree that a decoy stands on, and the ids that its files belong to.
pub struct Ground {
    tree: Tree,
    lease: Lease,
}

/// A decoy host that stands.
pub struct Decoy {
    /// What its PID 1 said of itself when it was ready.
    pub ready: Ready,
    victim: Cell<i32>,
    /// The random words that it holds.
    pub secrets: Secrets,
    pid1: Pid,
    ending: Cell<Ending>,
    channel: Channel,
    programs: RefCell<Vec<Ending>>,
    groups: Groups,
    strangers: Cell<usize>,
    gave_up: Cell<bool>,
    ground: Option<Ground>,
    /// Which files of its tree are at stake.
    pub stakes: Stakes,
}

impl Decoy {
    /// Makes a decoy host, on what another one of the same plan has left, if there is something. The calling process is
    /// a worker: it has one thread, is root in its own user namespace, and has a mount namespace of its own.
    ///
    /// # Errors
    /// What could not be made, and why.
    pub fn make(plan: &Plan, left: Option<Ground>) -> Result<Decoy> {
        let secrets = Secrets::random()?;
        let ground = match left {
            Some(mut ground) => ground.tree.renew(&secrets)?.then_some(ground),
            None => None,
        };
        let ground = match ground {
            Some(ground) => ground,
            None => {
                let lease = Lease::take(plan.kind)?;
                Ground { tree: Tree::build(plan, &secrets, &lease.ids)?, lease }
            }
        };
        let ids = ground.lease.ids;
        let stakes = Stakes::of(ground.tree.root(), &secrets.name);

        let (ours, theirs) = Channel::pair(ANSWER)?;
        let mut flags = CloneFlags::CLONE_NEWNS
            | CloneFlags::CLONE_NEWPID
            | CloneFlags::CLONE_NEWUTS
            | CloneFlags::CLONE_NEWIPC
            | CloneFlags::CLONE_NEWNET
            | CloneFlags::CLONE_NEWCGROUP;
        if plan.kind == DecoyKind::User {
            flags |= CloneFlags::CLONE_NEWUSER;
        }
        let mut stack = vec![0; 1 << 20];
        let child = || pid1::main(&theirs, plan, &secrets, &ids);
        plan.groups.gather()?;
        // Its PID 1 may not have the right to come here by the path.
        chdir(plan.stage).context("the decoy's root")?;
        // SAFETY: this process has one thread, and without CLONE_VM the child has a copy of its memory.
        let make = || unsafe { clone(Box::new(child), &mut stack, flags, Some(libc::SIGCHLD)) };
        let pid1 = ids.as_owner(make).and_then(|made| made.context("clone(2) with new namespaces"));
        let back = chdir("/").context("chdir(2)");
        let settled = plan.groups.settle(*pid1.as_ref().unwrap_or(&Pid::this()));
        let pid1 = pid1?;
        drop(theirs);

        let ending = Cell::new(Ending::None);
        let mut unfinished = Unfinished { pid1, groups: plan.groups, armed: true };
        back.and(settled)?;
        if plan.kind == DecoyKind::User {
            ids.map(pid1).context("mapping the decoy's ids")?;
        }
        ours.send(&ToPid1::Begin, &[])?;
        let ready = match ours.receive::<FromPid1>()? {
            Some((FromPid1::Ready(ready), _)) => ready,
            Some((FromPid1::Failed(why), _)) => bail!("the decoy host: {why}"),
            _ => bail!("the decoy host's PID 1 died while it was made"),
        };
        unfinished.armed = false;
        Ok(Decoy {
            victim: Cell::new(ready.victim),
            ready: *ready,
            secrets,
            pid1,
            ending,
            channel: ours,
            programs: RefCell::default(),
            groups: plan.groups.clone(),
            strangers: Cell::new(0),
            gave_up: Cell::new(false),
            ground: Some(ground),
            stakes,
        })
    }

    /// Starts a program in it. It waits at its gate. With it comes its number, for [`Decoy::program`].
    pub fn start(&self, program: &Program) -> Result<(Started, usize)> {
        self.channel.send(&ToPid1::Start(program.clone()), &[])?;
        // Its PID 1 ends what earlier starts have left; one that was followed with ptrace(2) is gone only once its tracer
        // has waited for it.
        let deadline = Instant::now() + ANSWER;
        while !self.channel.has_message(20) && Instant::now() < deadline {
            if let Some(ending) = end::reap(self.pid1) {
                self.ending.set(ending);
                break;
            }
        }
        match self.answer()? {
            Some((FromPid1::Started { strangers }, descriptors)) => {
                let known = if self.gave_up.take() { 0 } else { strangers };
                self.strangers.set(self.strangers.get() + known);
                let mut programs = self.programs.borrow_mut();
                programs.push(Ending::None);
                Ok((Started::new(descriptors)?, programs.len() - 1))
            }
            Some((FromPid1::Failed(why), _)) => bail!("{why}"),
            _ => bail!("the decoy host's PID 1 died"),
        }
    }

    /// What it looks like now; with `files`, also which files are new or gone.
    ///
    /// # Errors
    /// Its PID 1 is dead, does not answer, or can't see.
    pub fn snapshot(&self, files: bool) -> Result<Snapshot> {
        self.channel.send(&ToPid1::Snapshot { files }, &[])?;
        match self.answer()? {
            Some((FromPid1::Snapshot(snapshot), _)) => Ok(*snapshot),
            Some((FromPid1::Failed(why), _)) => bail!("{why}"),
            _ => bail!("the decoy host's PID 1 died"),
        }
    }

    /// Its IPC objects, services and key, each of which it has just used itself; with words, made anew.
    ///
    /// # Errors
    /// Its PID 1 is dead or does not answer, or one of them is not what it was.
    pub fn services(&self, fresh: Option<&BTreeMap<String, String>>) -> Result<Served> {
        self.channel.send(&ToPid1::Serve(fresh.cloned()), &[])?;
        match self.answer()? {
            Some((FromPid1::Served(served), _)) => Ok(served),
            Some((FromPid1::Failed(why), _)) => bail!("{why}"),
            _ => bail!("the decoy host's PID 1 died"),
        }
    }

    /// The victim, in the decoy's PID namespace.
    pub fn victim(&self) -> i32 {
        self.victim.get()
    }

    /// Puts another victim in its place: nobody has prepared for its number.
    ///
    /// # Errors
    /// As for [`Decoy::services`].
    pub fn renew_victim(&self) -> Result<()> {
        self.channel.send(&ToPid1::RenewVictim, &[])?;
        match self.answer()? {
            Some((FromPid1::Victim(number), _)) => self.victim.set(number),
            Some((FromPid1::Failed(why), _)) => bail!("{why}"),
            _ => bail!("the decoy host's PID 1 died"),
        }
        Ok(())
    }

    /// Whether it is as it was when it was made, once its last program has ended. Files that were left are put
    /// away.
    pub fn settle(&self) -> bool {
        let asked = self.channel.send(&ToPid1::Settle, &[]).and_then(|()| self.answer());
        matches!(asked, Ok(Some((FromPid1::Settled { same: true }, _))))
    }

    /// Reads what its PID 1 has to say by itself: that the program has ended.
    pub fn listen(&self) -> Result<()> {
        if let Some((FromPid1::Ended { nth, status }, _)) = self.channel.receive()? {
            self.note_end(nth, status);
        }
        Ok(())
    }

    fn note_end(&self, nth: usize, status: i32) {
        if let Some(program) = self.programs.borrow_mut().get_mut(nth) {
            *program = ending(status);
        }
    }

    /// How the program with this number has ended, if it has.
    pub fn program(&self, number: usize) -> Ending {
        self.programs.borrow().get(number).copied().unwrap_or_default()
    }

    /// The answer to a question; an end of the program may come before it.
    fn answer(&self) -> Result<Option<(FromPid1, Vec<OwnedFd>)>> {
        loop {
            match self.channel.receive()? {
                Some((FromPid1::Ended { nth, status }, _)) => self.note_end(nth, status),
                other => return Ok(other),
            }
        }
    }

    /// The process id of its PID 1, as the grader sees it.
    pub fn pid1(&self) -> Pid {
        self.pid1
    }

    /// The uid of its root, as the worker counts uids.
    pub fn root_id(&self) -> u32 {
        self.ground.as_ref().map_or(0, |ground| ground.lease.ids.outside(0))
    }

    /// Lays out a canary in its tree, as its PID 1 sees that.
    ///
    /// # Errors
    /// Those of [`Canary::lay`].
    pub fn lay_canary(&self) -> Result<Canary> {
        let root = Directory::open(Path::new(&format!("/proc/{}/root", self.pid1)))?;
        Canary::lay(root, self.root_id())
    }

    /// What is at stake in its tree and no more what it was.
    pub fn spoiled(&self) -> Vec<String> {
        self.ground.as_ref().map(|ground| self.stakes.spoiled(ground.tree.root())).unwrap_or_default()
    }

    /// How many processes its programs have left behind that had to be ended before the next program was started.
    pub fn strangers(&self) -> usize {
        self.strangers.get()
    }

    /// Notes that a start was ended from outside: what is left of it when the next one begins is not its program's fault.
    pub fn gave_up(&self) {
        self.gave_up.set(true);
    }

    /// How its PID 1 ended, if it has: as the grader's wait(2) told.
    pub fn ending(&self) -> Ending {
        self.ending.get()
    }

    /// Ends it: the death of PID 1 is the end of all in its PID namespace.
    pub fn end(&self) {
        if self.ending.get() == Ending::None {
            end(self.pid1, &self.groups);
            self.ending.set(Ending::Killed(Signal::SIGKILL as i32));
        }
    }

    /// Ends it, and gives what it stood on to whoever makes the next one.
    pub fn leave_ground(mut self) -> Option<Ground> {
        self.end();
        self.ground.take()
    }

    /// Notes what wait(2) told of its PID 1.
    pub fn ended(&self, ending: Ending) {
        self.ending.set(ending);
    }
}

impl Drop for Decoy {
    /// The mounts go with their namespace.
    fn drop(&mut self) {
        self.end();
    }
}

/// A decoy whose making may still fail half-way.
struct Unfinished<'a> {
    pid1: Pid,
    groups: &'a Groups,
    armed: bool,
}

impl Drop for Unfinished<'_> {
    fn drop(&mut self) {
        if self.armed {
            end(self.pid1, self.groups);
        }
    }
}

impl AsFd for Decoy {
    /// Readable when its PID 1 has something to say.
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.channel.as_fd()
    }
}
