//! The student's own git repository.

use crate::caller::Caller;
use crate::interrupts::as_by_default;
use anyhow::{Context, Result, bail};
use std::io;
use std::path::Path;
use std::process::{Command, Stdio};

/// Whether a repository was made.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Repository {
    /// With a first commit of everything.
    Made,
    /// git is not installed here.
    NoGit,
}

/// Makes `directory` a git repository, with a first commit of all that is in it.
///
/// # Errors
/// What git said.
pub fn make(directory: &Path, caller: Option<&Caller>) -> Result<Repository> {
    let git = Git { directory, caller };
    match git.command(&["--version"]).stdout(Stdio::null()).status() {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Repository::NoGit),
        found => found.context("git")?,
    };
    git.runs(&["init", "--quiet"])?;
    git.runs(&["add", "--all"])?;
    let mut commit = git.name()?;
    commit.extend([
        "commit",
        "--quiet",
        "--no-gpg-sign",
        "--no-verify",
        "--message",
        "The labs, with every step to be written",
    ]);
    git.runs(&commit)?;
    Ok(Repository::Made)
}

struct Git<'a> {
    directory: &'a Path,
    caller: Option<&'a Caller>,
}

impl Git<'_> {
    fn command(&self, words: &[&str]) -> Command {
        let mut git = Command::new("git");
        git.args(words).current_dir(self.directory).stdin(Stdio::null());
        // Git sets these for hooks and aliases, where they name another repository.
        for name in ["GIT_DIR", "GIT_WORK_TREE", "GIT_INDEX_FILE", "GIT_OBJECT_DIRECTORY", "GIT_PREFIX"] {
            git.env_remove(name);
        }
        if let Some(caller) = self.caller {
            caller.runs(&mut git);
        }
        as_by_default(&mut git);
        git
    }

    fn runs(&self, words: &[&str]) -> Result<()> {
        let output = self.command(words).output().context("git")?;
        if !output.status.success() {
            let said = String::from_utf8_lossy(&output.stderr);
            bail!("git {}: {}", words.join(" "), said.trim());
        }
        Ok(())
    }

    /// Options with an author's name, where git is not configured with one.
    fn name(&self) -> Result<Vec<&'static str>> {
        let mut options = Vec::new();
        let settings = [("user.name", "user.name=Student"), ("user.email", "user.email=student@localhost")];
        for (setting, fallback) in settings {
            let found = self.command(&["config", "--get", setting]).stdout(Stdio::null()).status()?;
            if !found.success() {
                options.extend(["-c", fallback]);
            }
        }
        Ok(options)
    }
}
