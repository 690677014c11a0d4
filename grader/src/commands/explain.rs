//! `grader explain [NAME]`: explains an attempt, a works check or a step.

use super::UsageError;
use super::common::ReportOutput;
use crate::formats::explain;
use crate::labs::Workspace;
use crate::labs::steps::{Source, Step};
use crate::student::starter;
use anyhow::Result;
use attempts::attempts::Attempt;
use attempts::works::Work;

/// What `grader explain` takes.
#[derive(clap::Args)]
pub struct Options {
    /// An attempt, a works check, or a step (lab1-namespaces/pid-namespace, or pid-namespace alone)
    #[arg(value_name = "ATTEMPT|STEP")]
    name: Option<String>,
}

/// Explains.
pub fn run(options: &Options) -> Result<u8> {
    let steps = steps()?;
    let Some(name) = &options.name else {
        ReportOutput::Standard.finish(|out| explain::list(&steps, out))?;
        return Ok(0);
    };
    let mut found = false;
    ReportOutput::Standard.finish(|out| {
        if let Some(attempt) = Attempt::find(name) {
            found = true;
            explain::attack(attempt, &steps, out)?;
        }
        if let Some(work) = Work::find(name) {
            found = true;
            explain::works_check(work, &steps, out)?;
        }
        for step in steps.iter().filter(|step| step.id.is_called(name)) {
            found = true;
            explain::defence(step, out)?;
        }
        Ok(())
    })?;
    if !found {
        return Err(UsageError(format!("{name}: neither an attempt nor a step; see: grader explain")).into());
    }
    Ok(0)
}

/// The steps of the workspace. Where a student's marker is missing, those that the grader carries.
fn steps() -> Result<Vec<Step>> {
    let Some(workspace) = Workspace::find() else { return Ok(Workspace::sources().steps()?) };
    match Source::read(workspace.root()).and_then(|source| Ok(source.steps()?)) {
        Err(_) if starter::is_students(workspace.root()) => Ok(starter::source()?.steps()?),
        found => found,
    }
}
