//! The student's own git repository.

use crate::caller::Caller;
use crate::interrupts::as_by_default;
use anyhow::{Context, Result, bail};
use std::env;
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
    let author = git.author()?;
    // A template that can't be copied is none.
    let init = ["init", "--quiet"];
    git.runs(git.command(&init))
        .or_else(|_| git.runs(git.command(&[&init[..], &["--template="]].concat())))?;
    // The directory was empty: what is in it are the grader's files, also those that the person ignores everywhere.
    git.runs(git.own(&[], &["add", "--all", "--force"]))?;
    let message = ["--message", "The labs, with every step to be written"];
    git.runs(git.own(&author, &[&["commit", "--quiet", "--no-verify"][..], &message].concat()))?;
    Ok(Repository::Made)
}

/// What git sets for hooks and aliases, where it names another repository (`git rev-parse --local-env-vars`), and what
/// may be set to nothing, which is no author.
const LOCAL: [&str; 18] = [
    "GIT_ALTERNATE_OBJECT_DIRECTORIES",
    "GIT_AUTHOR_DATE",
    "GIT_AUTHOR_EMAIL",
    "GIT_AUTHOR_NAME",
    "GIT_COMMITTER_DATE",
    "GIT_COMMITTER_EMAIL",
    "GIT_COMMITTER_NAME",
    "GIT_COMMON_DIR",
    "GIT_DIR",
    "GIT_GRAFT_FILE",
    "GIT_INDEX_FILE",
    "GIT_NAMESPACE",
    "GIT_NO_REPLACE_OBJECTS",
    "GIT_OBJECT_DIRECTORY",
    "GIT_PREFIX",
    "GIT_REPLACE_REF_BASE",
    "GIT_SHALLOW_FILE",
    "GIT_WORK_TREE",
];

/// What a repository may have from a template, and what a git has that does not know GIT_CONFIG_GLOBAL (before 2.32).
const OWN: [&str; 12] = [
    "-c",
    "core.hooksPath=/dev/null",
    "-c",
    "core.attributesFile=/dev/null",
    "-c",
    "core.autocrlf=false",
    "-c",
    "core.safecrlf=false",
    "-c",
    "core.fsmonitor=false",
    "-c",
    "commit.gpgSign=false",
];

struct Git<'a> {
    directory: &'a Path,
    caller: Option<&'a Caller>,
}

impl Git<'_> {
    fn command(&self, words: &[&str]) -> Command {
        let mut git = Command::new("git");
        git.args(words).current_dir(self.directory).stdin(Stdio::null());
        for name in LOCAL {
            git.env_remove(name);
        }
        if let Some(caller) = self.caller {
            caller.runs(&mut git);
        }
        as_by_default(&mut git);
        git
    }

    /// A command whose result depends on nothing but the files. What the person has set, for all repositories or by a
    /// template, is for the person's own commits: converted line ends, ignored files, hooks, signatures, filters.
    fn own(&self, options: &[String], words: &[&str]) -> Command {
        let mut all = OWN.to_vec();
        all.extend(options.iter().flat_map(|option| ["-c", option]));
        all.extend(words);
        let mut git = self.command(&all);
        git.env_remove("GIT_CONFIG_COUNT").env_remove("GIT_CONFIG_PARAMETERS");
        git.envs([
            ("GIT_CONFIG_GLOBAL", "/dev/null"),
            ("GIT_CONFIG_NOSYSTEM", "1"),
            ("GIT_ATTR_NOSYSTEM", "1"),
        ]);
        git
    }

    fn runs(&self, mut command: Command) -> Result<()> {
        let output = command.output().context("git")?;
        if !output.status.success() {
            let said = String::from_utf8_lossy(&output.stderr);
            let words: Vec<_> = command.get_args().map(|word| word.to_string_lossy()).collect();
            bail!("git {}: {}", words.join(" "), said.trim());
        }
        Ok(())
    }

    /// The author's name and address, as git is configured, and else in general words.
    fn author(&self) -> Result<Vec<String>> {
        let settings = [
            ("GIT_AUTHOR_NAME", "user.name", "Student"),
            ("GIT_AUTHOR_EMAIL", "user.email", "student@localhost"),
        ];
        let mut options = Vec::new();
        // Git takes away what is no part of a name, and refuses what is empty then (ident.c).
        let crud = |c: char| c.is_whitespace() || c.is_ascii_control() || ".,:;<>\"\\'".contains(c);
        for (variable, setting, fallback) in settings {
            let variable = env::var(variable).unwrap_or_default();
            let set = self.command(&["config", "--get", setting]).output().context("git")?.stdout;
            let set = String::from_utf8_lossy(&set);
            let names = [variable.trim_matches(crud), set.trim_matches(crud)];
            let name = names.into_iter().find(|name| !name.is_empty());
            options.push(format!("{setting}={}", name.unwrap_or(fallback)));
        }
        Ok(options)
    }
}
