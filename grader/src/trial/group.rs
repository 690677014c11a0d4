//! The control group that a container is put into, in each hierarchy where the worker has one (cgroups(7)).

use crate::decoy::limits::Groups;
use anyhow::{Context, Result};
use attempts::host::Group;
use nix::unistd::{Pid, chown};
use std::fs;
use std::path::{Path, PathBuf};

/// The groups of one trial. They are removed when it is over.
pub struct Job {
    name: String,
    paths: Vec<PathBuf>,
}

impl Job {
    /// Makes a group of this name below each of the worker's, and gives it and its parent's list of processes to
    /// `owner`, the decoy's root: it may move its own processes about, and no limit.
    pub fn make(groups: &Groups, name: &str, owner: u32) -> Result<Job> {
        let mut job = Job { name: name.into(), paths: Vec::new() };
        for parent in groups.paths.iter().filter(|parent| parent.is_dir()) {
            let path = parent.join(name);
            fs::create_dir(&path).with_context(|| format!("can't make the group {}", path.display()))?;
            job.paths.push(path.clone());
            for place in [parent, &path] {
                for file in ["", "cgroup.procs", "tasks"] {
                    let file = place.join(file);
                    if file.exists() {
                        chown(&file, Some(owner.into()), Some(owner.into()))?;
                    }
                }
            }
        }
        Ok(job)
    }

    /// Moves a process with one thread into the groups.
    pub fn take(&self, pid: Pid) -> Result<()> {
        for path in &self.paths {
            let file = if path.join("tasks").exists() { "tasks" } else { "cgroup.procs" };
            fs::write(path.join(file), pid.to_string())
                .with_context(|| format!("joining {}", path.display()))?;
        }
        Ok(())
    }

    /// What the host sees of the groups.
    pub fn look(&self, attacker: Option<Pid>) -> Group {
        let number = |files: &[&str]| self.read(files).and_then(|text| text.trim().parse().ok());
        let field = |file: &str, name: &str| {
            self.read(&[file])?.lines().find_map(|line| line.strip_prefix(name)?.trim().parse().ok())
        };
        Group {
            name: self.name.clone(),
            holds_attacker: attacker.map(|pid| {
                // The pids hierarchy is where the attacker tries to leave; on v2 there is only one.
                let path = self.paths.iter().find(|path| path.join("pids.current").exists());
                let listed = path.and_then(|path| fs::read_to_string(path.join("cgroup.procs")).ok());
                listed.is_some_and(|text| text.lines().any(|line| line == pid.to_string()))
            }),
            peak_memory: number(&["memory.max_usage_in_bytes", "memory.peak"]),
            oom_kills: field("memory.oom_control", "oom_kill ")
                .or_else(|| field("memory.events", "oom_kill ")),
            throttled: field("cpu.stat", "nr_throttled "),
            release_agent: None,
        }
    }

    fn read(&self, files: &[&str]) -> Option<String> {
        let places = self.paths.iter().flat_map(|path| files.iter().map(|file| path.join(file)));
        places.filter(|file| file.exists()).find_map(|file| fs::read_to_string(file).ok())
    }
}

impl Drop for Job {
    fn drop(&mut self) {
        // What was in them is dead; the kernel may need a moment to let go.
        for path in &self.paths {
            for _ in 0..200 {
                if remove(path) {
                    break;
                }
                std::thread::sleep(std::time::Duration::from_millis(1));
            }
        }
    }
}

/// Removes a group and those below it, which a container may have made.
fn remove(path: &Path) -> bool {
    for entry in fs::read_dir(path).into_iter().flatten().flatten() {
        if entry.file_type().is_ok_and(|kind| kind.is_dir()) {
            remove(&entry.path());
        }
    }
    fs::remove_dir(path).is_ok() || !path.exists()
}
