//! `grader starter DIR`: makes a student's workspace.

use super::UsageError;
use super::common::ReportOutput;
use crate::labs::{self, Workspace};
use crate::student::starter::{self, Refused, Repository};
use anyhow::{Context, Result};
use std::env;
use std::path::PathBuf;

/// What `grader starter` takes.
#[derive(clap::Args)]
pub struct Options {
    /// Where: a directory that is missing or empty
    #[arg(value_name = "DIR")]
    directory: PathBuf,
}

/// Makes the workspace, and prints what to do first.
pub fn run(options: &Options) -> Result<u8> {
    let name = options.directory.display();
    let repository = starter::make(&options.directory).map_err(|refused| match refused {
        Refused::InTheWay(why) => UsageError(format!("{name}: {why}")).into(),
        Refused::Failed(error) => error.context(format!("{name}: no workspace was made")),
    })?;
    let steps = Workspace::sources().steps().context("the labs that this grader carries")?;
    let number = |lab: &str| steps.iter().filter(|step| step.id.lab == lab).count();
    ReportOutput::Standard.finish(|out| {
        writeln!(out, "{name}: a workspace of your own.\n")?;
        let (given, own) = (labs::ALL[0], &labs::ALL[1..]);
        writeln!(out, "  {given:<16} complete, the worked example")?;
        own.iter().try_for_each(|lab| writeln!(out, "  {lab:<16} {} steps to write", number(lab)))?;
        match repository {
            Repository::Made => writeln!(out, "\nIt is a git repository with a first commit.")?,
            Repository::NoGit => writeln!(
                out,
                "\ngit is not installed, so it is no git repository. To make it one later:\n\
                 git init && git add --all && git commit -m 'The labs'"
            )?,
        }
        if !installed() {
            writeln!(
                out,
                "\nA `grader` to use there is not installed yet. In the Container Labs repository:\n\
                 cargo install --locked --path grader"
            )?;
        }
        let place = shell_words::quote(&options.directory.to_string_lossy()).into_owned();
        writeln!(out, "\nRead its README.md, then:\ncd {place} && grader run")
    })?;
    Ok(0)
}

/// Whether there is a `grader` in the person's PATH.
fn installed() -> bool {
    let path = env::var_os("PATH").unwrap_or_default();
    env::split_paths(&path).any(|directory| directory.join("grader").is_file())
}
