//! What the commands share: targets from names, a root file system, a progress bar, a place for the report.

use super::Usage;
use crate::atomic_write::Place;
use crate::decoy::Kind;
use crate::grading::Event;
use crate::labs::{self, Workspace};
use crate::rootfs;
use crate::target::Target;
use anyhow::{Context, Result};
use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};
use nix::unistd::geteuid;
use std::fs;
use std::io::{self, IsTerminal, Write};
use std::path::{Path, PathBuf};

/// How long one trial may take.
pub const LIMIT: std::time::Duration = std::time::Duration::from_secs(10);

/// What stands on the line before an exact command that helps where nothing can be judged.
pub const HELPS: &str = "This helps:";

/// The kind of decoy host: what was typed, else root for root with nothing but the workspace's own labs.
pub fn decoy(typed: Option<Kind>, only_labs: bool) -> Result<Kind> {
    match typed {
        Some(Kind::Root) if !geteuid().is_root() => {
            Err(Usage("--decoy root needs root; the other kind is --decoy user".into()).into())
        }
        Some(kind) => Ok(kind),
        None if geteuid().is_root() && only_labs => Ok(Kind::Root),
        None => Ok(Kind::User),
    }
}

/// A root file system, and its name in the report.
pub fn rootfs(typed: Option<&Path>) -> Result<(PathBuf, String)> {
    match typed {
        Some(path) => {
            rootfs::check(path).map_err(Usage::from)?;
            Ok((fs::canonicalize(path)?, path.display().to_string()))
        }
        None => Ok((rootfs::embedded()?.path, "embedded".into())),
    }
}

/// Builds the labs of the workspace, or the ones that the grader carries, into `out`.
pub fn build_labs(names: &[&str], decoy: Kind, out: &Path) -> Result<Vec<Target>> {
    if names.is_empty() {
        return Ok(Vec::new());
    }
    let workspace = match Workspace::find() {
        Some(workspace) => workspace,
        None => Workspace::carried()?,
    };
    let built = labs::build(&workspace, names, out)?;
    built
        .into_iter()
        .map(|it| {
            let number = labs::ALL.iter().position(|name| *name == it.name).context("an unknown lab")?;
            Ok(Target::lab(number, &it.name, &it.program, decoy))
        })
        .collect()
}

/// Says what of the machine goes into a program's decoy. Whoever hears nothing on standard error is no trouble.
pub fn say_copied(target: &Target) {
    if let Some(copied) = target.copied() {
        let line = format!("{}: copied into the decoy host: {copied}", target.name);
        let _ = writeln!(io::stderr(), "{}", super::without_escapes(&line).replace('\n', " "));
    }
}

/// A progress bar on standard error, where that is a terminal.
pub struct Progress(ProgressBar);

impl Progress {
    /// An empty one.
    pub fn new() -> Progress {
        let target = match io::stderr().is_terminal() {
            true => ProgressDrawTarget::stderr(),
            false => ProgressDrawTarget::hidden(),
        };
        let bar = ProgressBar::with_draw_target(None, target);
        if let Ok(style) = ProgressStyle::with_template("{bar:40} {pos}/{len} trials") {
            bar.set_style(style);
        }
        Progress(bar)
    }

    /// Shows an event.
    pub fn show(&self, event: Event) {
        match event {
            Event::Begin(number) => self.0.set_length(number as u64),
            Event::Trial => self.0.inc(1),
        }
    }
}

impl Default for Progress {
    fn default() -> Progress {
        Progress::new()
    }
}

impl Drop for Progress {
    fn drop(&mut self) {
        self.0.finish_and_clear();
    }
}

/// Where a report goes: standard output, or a file that is written at once when all is done.
pub enum Output {
    /// Standard output. Colours are taken off where it is no terminal or NO_COLOR is set.
    Standard,
    /// A file: its place, and its path as it was typed.
    File(Box<Place>, PathBuf),
}

impl Output {
    /// Looks whether it can be written, before the work begins.
    pub fn open(path: Option<&Path>) -> Result<Output> {
        let Some(path) = path else { return Ok(Output::Standard) };
        if path.is_dir() {
            return Err(Usage(format!("--output {}: that is a directory", path.display())).into());
        }
        let place = Place::find(path).with_context(|| format!("--output {}", path.display()))?;
        Ok(Output::File(Box::new(place), path.to_owned()))
    }

    /// Writes what `write` writes.
    pub fn finish(self, write: impl FnOnce(&mut dyn Write) -> io::Result<()>) -> Result<()> {
        match self {
            Output::Standard => {
                let mut out = anstream::AutoStream::auto(io::stdout());
                match write(&mut out).and_then(|()| out.flush()) {
                    // Whoever read has read enough.
                    Err(error) if error.kind() == io::ErrorKind::BrokenPipe => Ok(()),
                    other => other.context("writing the report"),
                }
            }
            Output::File(place, path) => {
                let mut out = anstream::StripStream::new(Vec::new());
                let written = write(&mut out).map_err(anyhow::Error::from);
                written
                    .and_then(|()| place.write(&out.into_inner()))
                    .with_context(|| format!("writing {}", path.display()))
            }
        }
    }
}
