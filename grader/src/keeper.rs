//! The keeper: a process that outlives the grader by a moment.
//!
//! Processes, mounts and loop devices of a decoy end with the grader by themselves. Control groups and temporary
//! directories do not. The keeper stands in its own session, outside of every decoy, and reads from a pipe what
//! there is to remove; at its end of file, however the grader ended, it removes it. What even that missed, the
//! next run sweeps.

use crate::decoy::groups::{self, Groups};
use crate::decoy::{hierarchy, own_mount_namespace};
use anyhow::{Context, Result};
use nix::fcntl::OFlag;
use nix::sys::signal::{Signal, kill, killpg};
use nix::sys::wait::waitpid;
use nix::unistd::{ForkResult, Pid, fork, pipe2, setsid};
use std::collections::BTreeSet;
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

    /// Tells the keeper of a named hierarchy of control groups, before it is made.
    pub fn remove_hierarchy_at_the_end(&mut self, name: &str) -> Result<()> {
        self.remove_at_the_end(Path::new(name))
    }

    /// Another hand on the pipe, for process groups.
    pub fn groups(&self) -> Result<ProcessGroups> {
        let pipe = self.pipe.as_ref().context("the keeper is gone")?;
        Ok(ProcessGroups(pipe.try_clone().context("the keeper's pipe")?))
    }

    /// Closes the pipe's writing end in a child of the grader: else the keeper would wait for that child.
    pub fn forget(&mut self) {
        self.pipe = None;
    }
}

/// Tells the keeper of process groups. To be dropped before the [`Keeper`], which waits until nobody can tell any more.
pub struct ProcessGroups(File);

/// The words before a group's number.
const KILL: &str = "kill ";
const SPARE: &str = "spare ";

impl ProcessGroups {
    /// This group ends with the grader.
    pub fn kill_at_the_end(&mut self, group: Pid) {
        // Without a keeper it ends as all others do.
        let _ = writeln!(self.0, "{KILL}{group}");
    }

    /// It has ended: its number may become another's.
    pub fn spare(&mut self, group: Pid) {
        let _ = writeln!(self.0, "{SPARE}{group}");
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
    let separate = own_mount_namespace().is_ok();
    if separate {
        sweep_groups();
    }
    let mut list = String::new();
    let _ = pipe.read_to_string(&mut list);
    for group in groups_to_kill(&list) {
        let _ = killpg(group, Signal::SIGKILL);
    }
    let is_path_or_name = |line: &&str| !line.starts_with(KILL) && !line.starts_with(SPARE);
    for name in list.lines().filter(is_path_or_name).rev() {
        match Path::new(name) {
            path if path.is_absolute() => remove(path),
            _ if separate => remove_hierarchy(name),
            _ => {}
        }
    }
}

/// The process groups that are to end and were not spared since.
fn groups_to_kill(list: &str) -> impl Iterator<Item = Pid> {
    let mut groups = BTreeSet::new();
    for line in list.lines() {
        if let Some(group) = line.strip_prefix(KILL).and_then(|number| number.parse::<i32>().ok()) {
            groups.insert(group);
        }
        if let Some(group) = line.strip_prefix(SPARE).and_then(|number| number.parse().ok()) {
            groups.remove(&group);
        }
    }
    // 0 and 1 are no groups of ours, whatever was written (kill(2)).
    groups.into_iter().filter(|group| *group > 1).map(Pid::from_raw)
}

/// Waits for the end of a named hierarchy. It comes by itself, some moments after the last mount, if no group is in
/// it any more; else the groups must go first, and each goes some moments after its processes.
fn remove_hierarchy(name: &str) {
    let patience = Instant::now() + Duration::from_secs(5);
    let mut ask = Instant::now() + Duration::from_millis(100);
    while hierarchy::is_there(name) && Instant::now() < patience {
        if Instant::now() > ask {
            hierarchy::remove(name, &std::env::temp_dir());
            ask = Instant::now() + Duration::from_millis(250);
        }
        sleep(Duration::from_millis(2));
    }
}

/// Removes a directory, or a control group once it is empty: what was in it is being killed.
fn remove(path: &Path) {
    let patience = Instant::now() + Duration::from_secs(5);
    let is_group = path.join("cgroup.procs").exists();
    loop {
        let removed = if is_group { groups::remove(path) } else { fs::remove_dir_all(path) };
        if removed.is_ok() || !path.exists() || Instant::now() > patience {
            return;
        }
        sleep(Duration::from_millis(10));
    }
}

/// Removes what graders that are dead have left in the temporary directory.
fn sweep(parent: &Path) {
    let own = nix::unistd::geteuid().as_raw();
    for entry in fs::read_dir(parent).into_iter().flatten().flatten() {
        let name = entry.file_name();
        let ours = entry.metadata().is_ok_and(|it| it.uid() == own && it.is_dir());
        if ours && name.to_str().is_some_and(is_of_the_dead) {
            let _ = fs::remove_dir_all(entry.path());
        }
    }
}

/// The same for control groups and their hierarchies.
fn sweep_groups() {
    let own = fs::read_to_string("/proc/self/cgroup").unwrap_or_default();
    for name in hierarchy::names(&own).filter(|name| is_of_the_dead(name)) {
        remove_hierarchy(name);
    }
    for group in Groups::plan(PREFIX).list {
        let Some(parent) = group.path.parent() else { continue };
        for entry in fs::read_dir(parent).into_iter().flatten().flatten() {
            if entry.file_name().to_str().is_some_and(is_of_the_dead) {
                let _ = groups::remove(&entry.path());
            }
        }
    }
}

/// Whether a name is one that a grader has made which is dead.
fn is_of_the_dead(name: &str) -> bool {
    let Some(rest) = name.strip_prefix(PREFIX) else { return false };
    let mut numbers = rest.split('-');
    let mut number = || numbers.next()?.parse::<u64>().ok();
    let (Some(pid), Some(started)) = (number(), number()) else { return false };
    let Ok(pid) = i32::try_from(pid) else { return false };
    start_time(pid) != Some(started) && kill(Pid::from_raw(pid), None).is_err()
}

/// When a process started, in clock ticks since the machine did (field 22 of `/proc/<pid>/stat`, proc(5)).
fn start_time(pid: i32) -> Option<u64> {
    let stat = fs::read_to_string(format!("/proc/{pid}/stat")).ok()?;
    stat.rsplit_once(')')?.1.split_whitespace().nth(19)?.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_group_that_has_ended_is_nobodys_to_kill() {
        let list = "/tmp/x\nkill 70\nkill 71\ncontainer-labs-1-2-0\nspare 70\nkill 1\nkill -1\n";
        assert_eq!(groups_to_kill(list).collect::<Vec<_>>(), [Pid::from_raw(71)]);
    }

    #[test]
    fn only_what_dead_graders_made_is_swept() {
        assert!(!is_of_the_dead(&own_name()));
        assert!(!is_of_the_dead(&format!("{}-2", own_name())));
        // Process ids end below 2^22 (proc_sys_kernel(5), pid_max).
        assert!(is_of_the_dead("container-labs-4194304-1"));
        assert!(is_of_the_dead("container-labs-4194304-1-0"));
        assert!(!is_of_the_dead("container-labs-tests-x"));
        assert!(!is_of_the_dead("container-labs-"));
    }
}
