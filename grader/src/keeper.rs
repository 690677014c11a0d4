//! The keeper: a process that outlives the grader by a moment.
//!
//! Processes, mounts and loop devices of a decoy end with the grader by themselves. Control groups and temporary
//! directories do not. The keeper stands in its own session, outside of every decoy, and reads from a pipe what
//! there is to remove; at its end of file, however the grader ended, it removes it. What even that missed, the
//! next run sweeps.

use crate::decoy::limits::Groups;
use anyhow::{Context, Result};
use nix::fcntl::OFlag;
use nix::sys::signal::{Signal, kill};
use nix::sys::wait::waitpid;
use nix::unistd::{ForkResult, Pid, fork, pipe2, setsid};
use std::fs::{self, File};
use std::io::{Read, Write};
use std::os::unix::fs::{DirBuilderExt, MetadataExt};
use std::path::{Path, PathBuf};
use std::thread::sleep;
use std::time::{Duration, Instant};

/// The beginning of every name that the grader makes; the maker's process id and start time follow.
const PREFIX: &str = "container-labs-";

/// The grader's side.
pub struct Keeper {
    /// Its process.
    pub pid: Pid,
    pipe: Option<File>,
    /// The grader's temporary directory.
    pub directory: PathBuf,
}

impl Keeper {
    /// Makes the temporary directory and starts the keeper. The calling process must have one thread.
    pub fn start() -> Result<Keeper> {
        let parent = std::env::temp_dir();
        sweep(&parent);
        let directory = parent.join(own_name());
        let (reader, writer) = pipe2(OFlag::O_CLOEXEC).context("pipe2(2)")?;
        // SAFETY: this process has one thread.
        match unsafe { fork() }.context("fork(2)")? {
            ForkResult::Child => {
                drop(writer);
                keep(File::from(reader));
                // SAFETY: ends this process without running what the grader would run at its exit.
                unsafe { nix::libc::_exit(0) }
            }
            ForkResult::Parent { child } => {
                drop(reader);
                let mut keeper = Keeper { pid: child, pipe: Some(writer.into()), directory };
                keeper.remove_at_the_end(&keeper.directory.clone())?;
                fs::DirBuilder::new()
                    .mode(0o711)
                    .create(&keeper.directory)
                    .with_context(|| format!("can't make the directory {}", keeper.directory.display()))?;
                Ok(keeper)
            }
        }
    }

    /// Tells the keeper of a directory or control group, before it is made.
    pub fn remove_at_the_end(&mut self, path: &Path) -> Result<()> {
        let pipe = self.pipe.as_mut().context("the keeper is gone")?;
        writeln!(pipe, "{}", path.display()).context("speaking to the keeper")
    }

    /// Closes the pipe's writing end in a child of the grader: else the keeper would wait for that child.
    pub fn forget(&mut self) {
        self.pipe = None;
    }
}

impl Drop for Keeper {
    fn drop(&mut self) {
        // In a worker, which has forgotten the pipe, the keeper is nobody's child.
        if self.pipe.take().is_some() {
            let _ = waitpid(self.pid, None);
        }
    }
}

/// A name that no other grader has, now or later: process ids come back, with another start time.
pub fn own_name() -> String {
    let pid = Pid::this().as_raw();
    format!("{PREFIX}{pid}-{}", start_time(pid).unwrap_or_default())
}

fn keep(mut pipe: File) {
    let _ = setsid();
    // Nothing that ends the grader ends its keeper.
    for signal in [Signal::SIGINT, Signal::SIGTERM, Signal::SIGHUP] {
        // SAFETY: ignores a signal; no handler of ours is installed.
        let _ = unsafe { nix::sys::signal::signal(signal, nix::sys::signal::SigHandler::SigIgn) };
    }
    // The grader's terminal and pipes are not the keeper's to hold open.
    for name in 0..=2 {
        // SAFETY: closes a descriptor that nothing in this process uses from here on.
        unsafe { nix::libc::close(name) };
    }
    let mut list = String::new();
    let _ = pipe.read_to_string(&mut list);
    for path in list.lines().rev() {
        remove(Path::new(path));
    }
}

/// Removes a directory, or a control group once it is empty: what was in it is being killed.
fn remove(path: &Path) {
    let patience = Instant::now() + Duration::from_secs(5);
    let is_group = path.join("cgroup.procs").exists();
    loop {
        let removed = if is_group { remove_group(path) } else { fs::remove_dir_all(path) };
        if removed.is_ok() || !path.exists() || Instant::now() > patience {
            return;
        }
        sleep(Duration::from_millis(10));
    }
}

/// Removes a group and those below it. Its files go with it.
fn remove_group(path: &Path) -> std::io::Result<()> {
    for entry in fs::read_dir(path)?.flatten() {
        if entry.file_type()?.is_dir() {
            remove_group(&entry.path())?;
        }
    }
    fs::remove_dir(path)
}

/// Removes what graders that are dead have left: in the temporary directory, and beside our own control groups.
fn sweep(temporary: &Path) {
    let groups = Groups::plan(&own_name()).paths;
    let own = nix::unistd::geteuid().as_raw();
    for place in groups.iter().filter_map(|group| group.parent()).chain([temporary]) {
        for entry in fs::read_dir(place).into_iter().flatten().flatten() {
            let ours = entry.metadata().is_ok_and(|it| it.uid() == own && it.is_dir());
            if ours && entry.file_name().to_str().is_some_and(maker_is_dead) {
                remove(&entry.path());
            }
        }
    }
}

/// Whether this is a name that a grader has given, and that grader is no more.
fn maker_is_dead(name: &str) -> bool {
    let mut words = name.strip_prefix(PREFIX).unwrap_or_default().split('-');
    let (Some(Ok(pid)), Some(Ok(started))) =
        (words.next().map(str::parse), words.next().map(str::parse::<u64>))
    else {
        return false;
    };
    start_time(pid) != Some(started) && kill(Pid::from_raw(pid), None).is_err()
}

/// When a process started, in clock ticks since the machine did (field 22 of `/proc/<pid>/stat`, proc(5)).
fn start_time(pid: i32) -> Option<u64> {
    let stat = fs::read_to_string(format!("/proc/{pid}/stat")).ok()?;
    stat.rsplit_once(')')?.1.split_whitespace().nth(19)?.parse().ok()
}
