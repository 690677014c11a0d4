//! Shared by the commands: targets from names, a root file system, a progress bar, the report's output.

use super::UsageError;
use crate::atomic_write;
use crate::labs::{self, Workspace};
use crate::report::DecoyKind;
use crate::rootfs;
use crate::runner::grading::TrialEvent;
use crate::runner::workers::NUMBER;
use crate::target::Target;
use crate::text::{self, Shown};
use anyhow::{Context, Result};
use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};
use nix::unistd::geteuid;
use std::env;
use std::fs;
use std::io::{self, IsTerminal, Write};
use std::path::{Path, PathBuf};
use std::time::Duration;

/// The timeout of one trial.
const LIMIT: Duration = Duration::from_secs(10);

/// The timeout of one trial. `CONTAINER_LABS_TRIAL_LIMIT`, in seconds, can only shorten it: for tests of programs that
/// use up the time of every trial.
pub fn trial_limit() -> Duration {
    let asked = env::var("CONTAINER_LABS_TRIAL_LIMIT").ok().and_then(|seconds| seconds.parse().ok());
    asked.map_or(LIMIT, |seconds| LIMIT.min(Duration::from_secs(seconds)))
}

/// The line before a command that lets this machine judge more.
pub const HELPS: &str = "This helps:";

/// The workspace that labs are built from, and the kind of decoy host that they run in.
pub struct LabSource {
    /// The workspace; none for the labs that the grader carries.
    found: Option<Workspace>,
    /// The kind of decoy host.
    pub decoy: DecoyKind,
    /// Whether these are the reference labs: only for them root gets a root decoy by default.
    pub reference: bool,
}

impl LabSource {
    /// The workspace of the current directory, or else the labs that the grader carries. The kind of decoy is the one
    /// typed; else root, if root grades the reference labs. A lab of any other workspace is untrusted code.
    ///
    /// # Errors
    /// Those of [`decoy`].
    pub fn of_labs(typed: Option<DecoyKind>) -> Result<LabSource> {
        let found = Workspace::find();
        let reference = found.as_ref().is_none_or(Workspace::is_reference);
        let decoy = decoy(typed, reference)?;
        // Root by default: build the carried copy and use nothing from the workspace, since the person did not ask to
        // run the workspace's files as root. The exception is the workspace that this grader was built in.
        let found = found.filter(|workspace| {
            decoy == DecoyKind::User || typed.is_some() || workspace.has_built_this_program()
        });
        Ok(LabSource { found, decoy, reference })
    }

    /// The workspace.
    ///
    /// # Errors
    /// The labs that the grader carries can't be written to disk.
    pub fn workspace(&self) -> Result<Workspace> {
        self.found.clone().map_or_else(Workspace::carried, Ok)
    }

    /// Builds labs into `out`.
    ///
    /// # Errors
    /// Those of [`LabSource::workspace`] and of [`labs::build()`].
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

/// The kind of decoy host: the one typed; else root, if root grades only the reference labs.
///
/// # Errors
/// `--decoy root` without root.
pub fn decoy(typed: Option<DecoyKind>, reference: bool) -> Result<DecoyKind> {
    match typed {
        Some(DecoyKind::Root) if !geteuid().is_root() => {
            Err(UsageError("--decoy root needs root; the other kind is --decoy user".into()).into())
        }
        Some(kind) => Ok(kind),
        None if geteuid().is_root() && reference => Ok(DecoyKind::Root),
        None => Ok(DecoyKind::User),
    }
}

/// Warns where untrusted code gets real root: nothing confines it then.
pub fn warn(decoy: DecoyKind, reference: bool) {
    if decoy == DecoyKind::Root && !reference {
        text::say(ROOT_IS_NO_WALL);
    }
}

const ROOT_IS_NO_WALL: &str = "grader: --decoy root runs this code as real root, and no namespace confines real root on this machine: \
                               use it only for code that you have read";

// Each worker has a copy.
const _: () = assert!(rootfs::COPIES == NUMBER as u64);

/// A root file system, and its name in the report.
pub fn rootfs(typed: Option<&Path>) -> Result<(PathBuf, String)> {
    match typed {
        Some(path) => {
            let size = rootfs::check(path).map_err(UsageError::from)?;
            if let Some(words) = rootfs::in_words(size) {
                text::say(&format!("grader: {words}"));
            }
            Ok((fs::canonicalize(path)?, path.display().to_string()))
        }
        None => Ok((rootfs::embedded()?.path, "embedded".into())),
    }
}

/// Reports which files of the machine are copied into a program's decoy.
pub fn say_copied(target: &Target) {
    if let Some(copied) = target.copied() {
        text::say(&text::line(&format!("{}: copied into the decoy host: {copied}", target.name)));
    }
    for lack in &target.lacks {
        text::say(&text::line(&format!("{}: {lack}", target.name)));
    }
}

/// A progress bar of this form on standard error, if that is a terminal.
pub fn bar(template: &str, length: Option<u64>) -> ProgressBar {
    let target = match io::stderr().is_terminal() {
        true => ProgressDrawTarget::stderr(),
        false => ProgressDrawTarget::hidden(),
    };
    let bar = ProgressBar::with_draw_target(length, target);
    if let Ok(style) = ProgressStyle::with_template(template) {
        bar.set_style(style);
    }
    bar
}

/// The progress of the trials of a run.
pub struct TrialsBar(ProgressBar);

impl TrialsBar {
    /// An empty one.
    pub fn new() -> TrialsBar {
        TrialsBar(bar("{bar:40} {pos}/{len} trials", None))
    }

    /// Shows an event.
    pub fn show(&self, event: TrialEvent) {
        match event {
            TrialEvent::Begin(number) => self.0.set_length(number as u64),
            TrialEvent::Trial => self.0.inc(1),
        }
    }
}

impl Default for TrialsBar {
    fn default() -> TrialsBar {
        TrialsBar::new()
    }
}

impl Drop for TrialsBar {
    fn drop(&mut self) {
        self.0.finish_and_clear();
    }
}

/// Where a report goes: standard output, or a file that is written atomically at the end.
pub enum ReportOutput {
    /// Standard output. Colours are removed where it is no terminal or NO_COLOR is set.
    Standard,
    /// A file: its destination, and its path as typed.
    File(Box<atomic_write::Destination>, PathBuf),
}

impl ReportOutput {
    /// Checks that it can be written, before the work begins.
    pub fn open(path: Option<&Path>) -> Result<ReportOutput> {
        let Some(path) = path else { return Ok(ReportOutput::Standard) };
        if path.is_dir() {
            return Err(UsageError(format!("--output {}: that is a directory", path.display())).into());
        }
        let place =
            atomic_write::Destination::find(path).with_context(|| format!("--output {}", path.display()))?;
        Ok(ReportOutput::File(Box::new(place), path.to_owned()))
    }

    /// Writes the output of `write`; of terminal escape sequences only colours get through.
    pub fn finish(self, write: impl FnOnce(&mut dyn Write) -> io::Result<()>) -> Result<()> {
        match self {
            ReportOutput::Standard => {
                let mut out = Shown::new(anstream::AutoStream::auto(io::stdout()));
                match write(&mut out).and_then(|()| out.flush()) {
                    // The reader closed the pipe: it has read enough.
                    Err(error) if error.kind() == io::ErrorKind::BrokenPipe => Ok(()),
                    other => other.context("writing the report"),
                }
            }
            ReportOutput::File(place, path) => {
                let mut out = Shown::new(anstream::StripStream::new(Vec::new()));
                let written = write(&mut out).and_then(|()| out.flush()).map_err(anyhow::Error::from);
                written
                    .and_then(|()| place.write(&out.into_inner().into_inner()))
                    .with_context(|| format!("writing {}", path.display()))
            }
        }
    }
}
