//! What the machine looks like, before a grader runs and after.
//!
//! # Layout
//! - [`tree`]: files. [`kernel`]: what is counted or listed by the kernel.

mod kernel;
mod tree;

use crate::caller::Caller;
use crate::descendants;
use kernel::Kernel;
use std::fs;
use std::path::{Path, PathBuf};
use std::thread::sleep;
use std::time::{Duration, Instant};
use tree::Tree;

/// How long the kernel may take to let go of what has ended.
const TIMEOUT: Duration = Duration::from_secs(8);

/// Files of the machine that a program would like to change.
const MACHINE: [&str; 6] =
    ["/etc/passwd", "/etc/shadow", "/etc/hostname", "/etc/alternatives", "/root/.ssh", "/opt"];

/// What was seen.
pub struct Watch {
    kernel: Kernel,
    trees: Vec<(PathBuf, Tree)>,
}

impl Watch {
    /// Looks at the machine, and at these files besides.
    pub fn begin(caller: &Caller, besides: &[&Path]) -> Watch {
        let own = ["home", "machine", "work"].map(|name| caller.stage.path(name));
        // The time of a cached root file system is that of its last use.
        let cached =
            entries(caller.stage.cache().join("container-labs/rootfs")).into_iter().flat_map(entries);
        let places = own
            .into_iter()
            .chain(MACHINE.map(PathBuf::from))
            .chain(cached)
            .chain(besides.iter().map(|path| path.to_path_buf()))
            .filter(|path| path.symlink_metadata().is_ok());
        let trees = places.map(|path| (path.clone(), Tree::of(&path))).collect();
        Watch { kernel: Kernel::now(None), trees }
    }

    /// What has changed, once a grader has ended: its process id was `maker`.
    pub fn differences(&self, caller: &Caller, maker: i32) -> Vec<String> {
        let begin = Instant::now();
        let mut left = self.left(caller, maker);
        while !left.is_empty() && begin.elapsed() < TIMEOUT {
            sleep(Duration::from_millis(50));
            left = self.left(caller, maker);
        }
        for (path, before) in &self.trees {
            left.extend(before.differences(&Tree::of(path)).map(|it| format!("{}{it}", path.display())));
        }
        left
    }

    /// What goes with the grader, or moments later.
    fn left(&self, caller: &Caller, maker: i32) -> Vec<String> {
        let mut found = Vec::new();
        let living = descendants::living();
        found.extend(living.iter().take(5).map(|(pid, name)| format!("left: process {pid} {name}")));
        if living.len() > 5 {
            found.push(format!("left: {} processes in all", living.len()));
        }
        for path in entries(caller.stage.path("tmp")) {
            found.push(format!("left: {}", path.display()));
        }
        found.extend(self.kernel.differences(&Kernel::now(Some(maker))));
        found
    }
}

fn entries(directory: PathBuf) -> Vec<PathBuf> {
    fs::read_dir(directory).into_iter().flatten().flatten().map(|entry| entry.path()).collect()
}
