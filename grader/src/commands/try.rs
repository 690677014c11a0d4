//! `grader try ATTEMPT --in LAB`: runs one attempt and explains it.

use super::UsageError;
use super::common::{LabSource, ReportOutput, decoy, rootfs, say_copied, trial_limit, warn};
use super::run::{find, way_out};
use crate::formats::story::{self, StoryContext, Wanted};
use crate::labs::steps::Source;
use crate::labs::{self, Workspace};
use crate::report::{DecoyKind, Report, TargetReport};
use crate::runner::grading::{Run, grade};
use crate::runner::workers::Workers;
use crate::student::lab_progress::LabProgress;
use crate::student::watch::pages;
use crate::target::Target;
use anyhow::{Context, Result};
use std::path::Path;

/// What `grader try` takes.
#[derive(clap::Args)]
pub struct Options {
    /// The attempt
    attempt: String,
    /// The lab or program
    #[arg(long = "in", value_name = "LAB|PROGRAM")]
    inside: String,
    /// The kind of decoy host; the default is root for root with a reference lab, else user
    #[arg(long, value_name = "KIND")]
    decoy: Option<DecoyKind>,
}

/// Runs the attempt. The exit code is the same as that of `grader run`.
pub fn run(options: &Options) -> Result<u8> {
    let attempt = find(&options.attempt)?;
    let lab = labs::resolve(&options.inside);
    let kind = if lab.is_some() { options.decoy } else { Some(decoy(options.decoy, false)?) };
    let source = LabSource::of_labs(kind)?;
    let reference = lab.is_some() && source.reference;
    warn(source.decoy, reference);
    let program = if lab.is_some() { None } else { Some(program(&options.inside, source.decoy)?) };
    program.iter().for_each(say_copied);

    let (rootfs, name) = rootfs(None)?;
    let mut report = Report::new(source.decoy, name);
    let mut workers = Workers::start(&rootfs, trial_limit())?;
    let labs: Vec<&str> = lab.into_iter().collect();
    let mut targets = source.build(&labs, &workers.directory().join("labs"))?;
    targets.extend(program);
    grade(&Run { targets, attempts: vec![attempt], works: false }, &mut workers, &mut report, |_| {})?;
    drop(workers);

    let (target, check) = report.checks().next().context("nothing was tried")?;
    let context = StoryContext {
        wanted: wanted(target, &check.id, source.decoy),
        way_out: if check.is_unjudgeable_here() { way_out(reference) } else { None },
        shell: lab.map(|lab| pages::shell(lab, &rootfs)).unwrap_or_default(),
    };
    ReportOutput::Standard.finish(|out| story::write(target, check, attempt, &context, out))?;
    Ok(report.exit_code())
}

fn program(name: &str, decoy: DecoyKind) -> Result<Target> {
    if Path::new(name).exists() {
        return Ok(Target::program(Path::new(name), decoy).map_err(UsageError::from)?);
    }
    let known = labs::ALL.join(", ");
    Err(UsageError(format!("{name}: neither a lab ({known}) nor a program")).into())
}

/// The missing steps of a lab of the workspace that this check needs.
fn wanted(target: &TargetReport, check: &str, decoy: DecoyKind) -> Vec<Wanted> {
    let (Some(workspace), Ok(reference)) = (Workspace::find(), Workspace::sources().steps()) else {
        return Vec::new();
    };
    // Where a source file is not UTF-8, the checks alone decide.
    let source = Source::read(workspace.root()).unwrap_or_default();
    pages::wanted(&LabProgress::of(&target.name, &reference, &source, Some((target, decoy))).steps, check)
}
