//! What the commands share: targets from names, a root file system, a progress bar, a place for the report.

use super::Usage;
use crate::decoy::Kind;
use crate::grading::Event;
use crate::labs::{self, Workspace};
use crate::rootfs;
use crate::target::Target;
use crate::text::{self, Shown};
use anyhow::{Context, Result};
use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};
use nix::unistd::geteuid;
use std::fs::{self, File};
use std::io::{self, IsTerminal, Write};
use std::path::{Path, PathBuf};

/// How long one trial may take.
pub const LIMIT: std::time::Duration = std::time::Duration::from_secs(10);

/// What stands on the line before an exact command that helps where nothing can be judged.
pub const HELPS: &str = "This helps:";

/// Where labs are built from, and in which kind of decoy host what is made there is put.
pub struct Place {
    /// The workspace; none where the labs are taken that the grader carries.
    found: Option<Workspace>,
    /// The kind.
    pub decoy: Kind,
    /// Whether these are the reference labs, which root may have in a root decoy without asking for it.
    pub reference: bool,
}

impl Place {
    /// The workspace of the current directory, or the labs that the grader carries; in the kind of decoy that was typed,
    /// else root for root with the reference labs. A lab of any other workspace is somebody's code.
    ///
    /// # Errors
    /// Those of [`decoy`].
    pub fn of_labs(typed: Option<Kind>) -> Result<Place> {
        let found = Workspace::find();
        let reference = found.as_ref().is_none_or(Workspace::is_reference);
        let decoy = decoy(typed, reference)?;
        // Who has not asked for root has not said that what lies in the workspace is to be run as root: the two are the
        // same, and nothing is used of that one.
        let found = found.filter(|_| decoy == Kind::User || typed.is_some());
        Ok(Place { found, decoy, reference })
    }

    /// The workspace.
    ///
    /// # Errors
    /// The labs that the grader carries can't be written.
    pub fn workspace(&self) -> Result<Workspace> {
        self.found.clone().map_or_else(Workspace::carried, Ok)
    }

    /// Builds labs into `out`.
    ///
    /// # Errors
    /// Those of [`Place::workspace`] and of [`labs::build()`].
    pub fn build(&self, names: &[&str], out: &Path) -> Result<Vec<Target>> {
        if names.is_empty() {
            return Ok(Vec::new());
        }
        let built = labs::build(&self.workspace()?, names, out)?;
        built
            .into_iter()
            .map(|it| {
                let number = labs::ALL.iter().position(|name| *name == it.name).context("an unknown lab")?;
                Ok(Target::lab(number, &it.name, &it.program, self.decoy))
            })
            .collect()
    }
}

/// The kind of decoy host: what was typed, else root for root with nothing but the reference labs.
///
/// # Errors
/// One that takes root was typed by somebody else.
pub fn decoy(typed: Option<Kind>, reference: bool) -> Result<Kind> {
    match typed {
        Some(Kind::Root) if !geteuid().is_root() => {
            Err(Usage("--decoy root needs root; the other kind is --decoy user".into()).into())
        }
        Some(kind) => Ok(kind),
        None if geteuid().is_root() && reference => Ok(Kind::Root),
        None => Ok(Kind::User),
    }
}

/// What is said where somebody's code gets real root: what keeps it in is then its own goodwill.
pub fn warn(decoy: Kind, reference: bool) {
    if decoy == Kind::Root && !reference {
        text::say(ROOT_IS_NO_WALL);
    }
}

const ROOT_IS_NO_WALL: &str = "grader: --decoy root gives this code real root, which no namespace holds on this machine: \
                               it is for code that you have read";

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

/// Where a report goes: standard output, or a file that is written beside its place and then renamed, so that
/// a full disk leaves no half of it.
pub enum Output {
    /// Standard output. Colours are taken off where it is no terminal or NO_COLOR is set.
    Standard,
    /// A file: the temporary one, its path, and the path that it will have.
    File(File, Part, PathBuf),
}

/// The path of a file that is not whole yet. It goes, also where the work ends before its end.
pub struct Part(PathBuf);

impl Drop for Part {
    fn drop(&mut self) {
        // Where it was renamed there is none.
        let _ = fs::remove_file(&self.0);
    }
}

impl Output {
    /// Opens it, before the work begins.
    pub fn open(path: Option<&Path>) -> Result<Output> {
        let Some(path) = path else { return Ok(Output::Standard) };
        if path.is_dir() {
            return Err(Usage(format!("--output {}: that is a directory", path.display())).into());
        }
        let mut name = path.file_name().context("--output names no file")?.to_owned();
        name.push(format!(".{}.part", std::process::id()));
        let beside = Part(path.with_file_name(name));
        let file = File::create(&beside.0).with_context(|| format!("--output {}", path.display()))?;
        Ok(Output::File(file, beside, path.to_owned()))
    }

    /// Writes what `write` writes, and of what a terminal obeys nothing but colours.
    pub fn finish(self, write: impl FnOnce(&mut dyn Write) -> io::Result<()>) -> Result<()> {
        match self {
            Output::Standard => {
                let mut out = Shown::new(anstream::AutoStream::auto(io::stdout()));
                match write(&mut out).and_then(|()| out.flush()) {
                    // Whoever read has read enough.
                    Err(error) if error.kind() == io::ErrorKind::BrokenPipe => Ok(()),
                    other => other.context("writing the report"),
                }
            }
            Output::File(file, beside, path) => {
                let mut out = Shown::new(anstream::StripStream::new(file));
                let written =
                    write(&mut out).and_then(|()| out.flush()).and_then(|()| fs::rename(&beside.0, &path));
                written.with_context(|| format!("writing {}", path.display()))
            }
        }
    }
}
