//! What the machine looks like, before a grader runs and after.
//!
//! # Layout
//! - [`tree`]: files. [`kernel`]: what is counted or listed by the kernel.

mod kernel;
mod tree;

use crate::caller::Caller;
use crate::descendants;
use kernel::Kernel;
use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};
use std::thread::sleep;
use std::time::{Duration, Instant};
use tree::Tree;

/// How long the kernel may take to let go of what has ended.
// The kernel collects the keys of a user that is gone when it has time: once in 200 rounds on a busy machine after more
// than eight seconds.
const TIMEOUT: Duration = Duration::from_secs(20);

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
        let mut left = self.listed(caller, maker);
        let mut running = descendants::living();
        while !(left.is_empty() && running.is_empty()) && begin.elapsed() < TIMEOUT {
            sleep(Duration::from_millis(50));
            running = descendants::living();
            // What comes and goes meanwhile is another program's.
            let now = self.listed(caller, maker);
            left.retain(|it| now.contains(it));
        }
        left.extend(running.into_iter().map(|(pid, name)| ("process", format!("{pid} {name} is left"))));
        for (path, before) in &self.trees {
            let changed = before.differences(&Tree::of(path));
            left.extend(changed.into_iter().map(|it| ("file", format!("{}{it}", path.display()))));
        }
        in_words(&left)
    }

    /// What goes with the grader, or moments later, by kind.
    fn listed(&self, caller: &Caller, maker: i32) -> BTreeSet<(&'static str, String)> {
        let mut found = self.kernel.differences(&Kernel::now(Some(maker)));
        let files = entries(caller.stage.path("tmp")).into_iter();
        found.extend(files.map(|path| ("temporary file", format!("{} is left", path.display()))));
        found
    }
}

/// A few of each kind, and how many there are.
fn in_words(found: &BTreeSet<(&'static str, String)>) -> Vec<String> {
    let mut by_kind: BTreeMap<&str, Vec<&str>> = BTreeMap::new();
    for (kind, text) in found {
        by_kind.entry(kind).or_default().push(text);
    }
    let words = by_kind.into_iter().flat_map(|(kind, all)| {
        let more = (all.len() > 4).then(|| format!("{kind}: {} in all", all.len()));
        all.into_iter().take(4).map(move |text| format!("{kind} {text}")).chain(more)
    });
    words.collect()
}

fn entries(directory: PathBuf) -> Vec<PathBuf> {
    fs::read_dir(directory).into_iter().flatten().flatten().map(|entry| entry.path()).collect()
}
