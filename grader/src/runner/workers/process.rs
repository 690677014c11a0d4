//! A worker's own side: the grader's file executed again, with an empty environment, one word for its arguments,
//! `/dev/null` for its standard streams, and its socket.
//!
//! Every process that the worker makes is a copy of it, and some are seen by the program under test: the decoy's PID 1,
//! and each one that is about to execute the program. A copy of the grader itself would hold the environment, the
//! arguments and the memory of the person's process. What a worker knows (paths of this run, the words that a decoy
//! holds) it has been told; it is never dumpable, so nobody in a decoy can read it (ptrace(2), "Ptrace access mode
//! checking").
//!
//! An ordinary user's worker is root of a user namespace of its own, around those of its decoys. So what it mounts for
//! a decoy can't be remounted from inside: the flags are locked (mount_namespaces(7)). It is executed in there a second
//! time: who may look into a process that is not dumpable is decided by the namespace in which it was executed.

use super::{Done, Job};
use crate::channel::{Channel, TooLong};
use crate::decoy::disk::Disk;
use crate::decoy::groups::Groups;
use crate::decoy::hierarchy::Hierarchy;
use crate::this_process::{self, close_all_but, own_mount_namespace};
use crate::trial::attacker::command;
use crate::trial::shared::Shared;
use crate::trial::works::{Works, works};
use crate::trial::{Facts, Stage, attempt, session};
use anyhow::{Context, Result, bail};
use attempts::attempts::Attempt;
use attempts::rules::Rules;
use nix::fcntl::OFlag;
use nix::mount::{MsFlags, mount};
use nix::sched::{CloneFlags, unshare};
use nix::sys::prctl;
use nix::sys::signal::{SigSet, Signal};
use nix::sys::stat::Mode;
use nix::unistd::{Pid, dup, execve, getegid, geteuid, getppid, setsid};
use serde::{Deserialize, Serialize};
use std::cell::OnceCell;
use std::ffi::CString;
use std::fs;
use std::os::fd::OwnedFd;
use std::path::PathBuf;
use std::process::{Command, Stdio};
use std::time::Duration;

/// A worker's first argument, which nobody types.
const NAME: &str = "container-labs-worker";

/// The file of this program, whatever has become of its path.
const SELF: &str = "/proc/self/exe";

/// What a worker is told first.
#[derive(Debug, Serialize, Deserialize)]
pub struct Setup {
    /// The grader's process id.
    pub grader: i32,
    /// The name of its groups and hierarchy.
    pub name: String,
    /// Its directory.
    #[serde(with = "crate::path_bytes")]
    pub directory: PathBuf,
    /// The root file system that is copied into each decoy.
    #[serde(with = "crate::path_bytes")]
    pub rootfs: PathBuf,
    /// The victim's program.
    #[serde(with = "crate::path_bytes")]
    pub victim: PathBuf,
    /// How long one trial may take.
    pub limit: Duration,
    /// The rules that are in force.
    pub rules: Rules,
    /// Its control groups.
    pub groups: Groups,
}

/// Starts a worker's process. Its other end of the socket is its standard input.
///
/// # Errors
/// What the system said.
pub fn start(socket: OwnedFd) -> Result<Pid> {
    use std::os::unix::process::CommandExt;
    let mut worker = Command::new(SELF);
    worker.arg0(NAME).env_clear().current_dir("/");
    let worker = worker.stdin(Stdio::from(socket)).stdout(Stdio::null()).stderr(Stdio::null()).spawn();
    Ok(Pid::from_raw(worker.context("starting a worker")?.id() as i32))
}

/// Does a worker's work and ends the process, if this process was started as one. To be called before anything else
/// in every program that starts [`super::Workers`].
pub fn serve_if_asked() {
    let mut words = std::env::args_os();
    if words.next().is_some_and(|word| word == NAME) {
        let trouble = words.next().map(|word| word.to_string_lossy().into_owned());
        let status = serve(trouble).is_err().into();
        std::process::exit(status);
    }
}

/// What the second execution tells: that the process is in its user namespace, or why it is not.
const INSIDE: &str = "inside";

fn serve(told: Option<String>) -> Result<()> {
    this_process::as_by_default();
    if told.is_none() && !geteuid().is_root() {
        let told = match enter_user_namespace() {
            Ok(()) => INSIDE.to_owned(),
            Err(error) => format!("{error:#}"),
        };
        let words = [NAME, told.as_str()].map(|word| CString::new(word).unwrap_or_default());
        execve(&CString::new(SELF)?, &words, &[] as &[CString])?;
    }
    prctl::set_dumpable(false).context("PR_SET_DUMPABLE")?;
    let channel = Channel::new(take_standard_input()?);
    close_all_but(channel.descriptor());
    let mut interrupts = SigSet::empty();
    interrupts.extend([Signal::SIGINT, Signal::SIGTERM, Signal::SIGHUP]);
    interrupts.thread_block()?;
    setsid()?;
    prctl::set_pdeathsig(Signal::SIGKILL)?;
    let Some((setup, _)) = channel.receive::<Setup>()? else { return Ok(()) };
    if getppid().as_raw() != setup.grader {
        return Ok(());
    }
    let real_root = told.is_none();
    let trouble = told.filter(|told| told != INSIDE);
    let stage = trouble.map_or_else(|| setup.stage(real_root), |why| Err(anyhow::Error::msg(why)));
    while let Some((job, _)) = channel.receive::<Job>()? {
        answer(&channel, &job, done(&stage, &job)?)?;
    }
    Ok(())
}

/// Sends what a job has brought back. A program has a hand in it: if it is too long all the same, that is what is sent.
fn answer(channel: &Channel, job: &Job, done: Done) -> Result<()> {
    match channel.send(&done.bounded(), &[]) {
        Err(error) if error.is::<TooLong>() => {
            channel.send(&job.lost(&format!("what it brought back is too long: {error}")), &[])
        }
        sent => sent,
    }
}

fn done(stage: &Result<Stage>, job: &Job) -> Result<Done> {
    let why = |error: &anyhow::Error| Some(format!("{error:#}"));
    Ok(match (stage, job) {
        (Ok(stage), Job::Attempt { target, id }) => match Attempt::find(id) {
            Some(it) => Done::Attempt(attempt(stage, target, it)),
            None => bail!("no attempt is called {id}"),
        },
        (Ok(stage), Job::Works { target, lab }) => Done::Works(works(stage, target, *lab)),
        (Err(error), Job::Attempt { .. }) => {
            Done::Attempt(Facts { no_decoy: why(error), ..Facts::default() })
        }
        (Err(error), Job::Works { .. }) => Done::Works(Works { no_decoy: why(error), ..Works::default() }),
    })
}

/// A user namespace in which the person's id is root's.
///
/// # Errors
/// The system forbids it, or allows nothing in it.
pub fn enter_user_namespace() -> Result<()> {
    let (uid, gid) = (geteuid(), getegid());
    unshare(CloneFlags::CLONE_NEWUSER).context("unshare(CLONE_NEWUSER)")?;
    let maps = [
        ("setgroups", "deny".to_owned()),
        ("gid_map", format!("0 {gid} 1")),
        ("uid_map", format!("0 {uid} 1")),
    ];
    for (file, text) in maps {
        fs::write(format!("/proc/self/{file}"), text)
            .with_context(|| format!("{file} of a new user namespace"))?;
    }
    Ok(())
}

/// The socket, out of the way of the standard streams, in whose place is `/dev/null`.
fn take_standard_input() -> Result<OwnedFd> {
    let socket = dup(std::io::stdin())?;
    let null = nix::fcntl::open("/dev/null", OFlag::O_RDWR, Mode::empty()).context("/dev/null")?;
    nix::unistd::dup2_stdin(&null)?;
    nix::unistd::dup2_stdout(&null)?;
    nix::unistd::dup2_stderr(&null)?;
    nix::fcntl::fcntl(&socket, nix::fcntl::FcntlArg::F_SETFD(nix::fcntl::FdFlag::FD_CLOEXEC))?;
    Ok(socket)
}

impl Setup {
    fn stage(self, real_root: bool) -> Result<Stage> {
        let locks = self.groups.join()?;
        own_mount_namespace()?;
        let disk = if real_root {
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
        let told = |error: std::io::Error| format!("cat(1), the container's command: {error}");
        let commands = [command::Command::of_rootfs(&self.rootfs), command::Command::of_machine()];
        Ok(Stage {
            directory,
            commands: commands.map(|command| command.map_err(told)),
            rootfs: self.rootfs,
            victim: self.victim,
            groups: self.groups,
            hierarchy: Hierarchy::new(&self.name, self.directory.join("hierarchy")),
            disk,
            ext4: OnceCell::new(),
            children: session::children()?,
            limit: self.limit,
            rules: self.rules,
            shared: Shared::default(),
            _locks: locks,
        })
    }
}
