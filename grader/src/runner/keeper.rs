//! The keeper: a process that outlives the grader and cleans up.
//!
//! Processes, mounts and loop devices of a decoy end with the grader. Control groups and temporary directories do not.
//! The keeper runs in its own session, outside of every decoy, and reads from a pipe what must be removed. At end of
//! file, however the grader ended, it removes it. If the keeper is killed too, the next grader removes the rest: each
//! grader locks what it owns (flock(2)), and the lock ends with it.
//!
//! # Layout
//! - [`record`]: the messages from the grader. [`stale`]: what dead graders have left.

pub mod record;
pub mod stale;

use crate::cache_dir;
use crate::decoy::{delegated, group_tree};
use crate::this_process::own_mount_namespace;
use anyhow::{Context, Result};
use nix::fcntl::{Flock, OFlag};
use nix::sys::signal::{Signal, kill};
use nix::sys::wait::{WaitPidFlag, WaitStatus, waitpid};
use nix::unistd::{ForkResult, Pid, fork, pipe2, setsid};
use record::Record;
use std::fs::{self, File};
use std::io::{Read, Write};
use std::path::PathBuf;
use std::thread::sleep;
use std::time::{Duration, Instant};

/// How long the keeper tries to remove one thing.
const TIMEOUT: Duration = Duration::from_secs(5);

/// How long the grader waits for the keeper.
const KEEPER_TIMEOUT: Duration = Duration::from_secs(60);

/// The grader's side.
pub struct Keeper {
    /// Its process.
    pub pid: Pid,
    pipe: Option<File>,
    /// The grader's temporary directory.
    pub directory: PathBuf,
    _lock: Flock<File>,
}

impl Keeper {
    /// Makes the temporary directory and starts the keeper. The calling process must have one thread.
    ///
    /// # Errors
    /// The directory can't be made, or the system refuses a process.
    pub fn start() -> Result<Keeper> {
        let parent = cache_dir::temporary()?;
        stale::remove_directories(&parent);
        let (reader, writer) = pipe2(OFlag::O_CLOEXEC).context("pipe2(2)")?;
        let (directory, lock) = cache_dir::make_temporary(&parent, 0o711)?;
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
                let mut keeper = Keeper { pid: child, pipe: Some(writer.into()), directory, _lock: lock };
                let directory = keeper.directory.clone();
                keeper.tell(&Record::Directory(directory))?;
                Ok(keeper)
            }
        }
    }

    /// A name that no other grader uses, now or later.
    pub fn name(&self) -> String {
        self.directory.file_name().unwrap_or_default().to_string_lossy().into_owned()
    }

    /// Tells the keeper what to remove or to end. Must be called before the thing is made.
    ///
    /// # Errors
    /// The keeper has died.
    pub fn tell(&mut self, record: &Record) -> Result<()> {
        let pipe = self.pipe.as_mut().context("the keeper has died")?;
        pipe.write_all(&record.to_bytes()).context("writing to the keeper")
    }
}

impl Drop for Keeper {
    fn drop(&mut self) {
        self.pipe = None;
        let deadline = Instant::now() + KEEPER_TIMEOUT;
        while waitpid(self.pid, Some(WaitPidFlag::WNOHANG)) == Ok(WaitStatus::StillAlive) {
            if Instant::now() > deadline {
                let _ = kill(self.pid, Signal::SIGKILL);
                let _ = waitpid(self.pid, None);
                return;
            }
            sleep(Duration::from_millis(1));
        }
    }
}

fn keep(mut pipe: File) {
    let _ = setsid();
    // Signals that end the grader must not end its keeper.
    for signal in [Signal::SIGINT, Signal::SIGTERM, Signal::SIGHUP] {
        // SAFETY: ignores a signal; no handler of ours is installed.
        let _ = unsafe { nix::sys::signal::signal(signal, nix::sys::signal::SigHandler::SigIgn) };
    }
    // Close the grader's terminal and pipes, so that their readers see the end of file.
    for name in 0..=2 {
        // SAFETY: closes a descriptor that nothing in this process uses from here on.
        unsafe { nix::libc::close(name) };
    }
    let separate = own_mount_namespace().is_ok();
    if separate {
        stale::remove_groups();
    }
    let mut bytes = Vec::new();
    let _ = pipe.read_to_end(&mut bytes);
    let records = Record::list(&bytes);
    for record in &records {
        if let Record::ControlGroup(path) = record {
            group_tree::release(path);
            group_tree::kill(path, |_| true);
        }
    }
    for record in records.iter().rev() {
        match record {
            Record::Directory(path) => until(|| fs::remove_dir_all(path).is_ok() || !path.exists()),
            Record::ControlGroup(path) => until(|| {
                // A process may have been forked while the others were killed.
                group_tree::release(path);
                group_tree::kill(path, |_| true);
                group_tree::remove(path).is_ok()
            }),
            Record::Hierarchy(name) if separate => stale::remove_hierarchy(name),
            _ => {}
        }
    }
    delegated::leave();
}

/// Retries until it succeeds: the processes in it may still be dying.
fn until(mut done: impl FnMut() -> bool) {
    let deadline = Instant::now() + TIMEOUT;
    while !done() && Instant::now() < deadline {
        sleep(Duration::from_millis(10));
    }
}
