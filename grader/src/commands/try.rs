//! `grader try ATTEMPT --in LAB`: one attempt, told slowly.

use super::Usage;
use super::common::{LIMIT, Output, Place, decoy, rootfs, say_copied, warn};
use super::run::{find, way_out};
use crate::formats::story::{self, Beside, Wanted};
use crate::labs::steps::Source;
use crate::labs::{self, Workspace};
use crate::report::DecoyKind;
use crate::report::{Report, TargetReport};
use crate::runner::grading::{Run, grade};
use crate::runner::workers::Workers;
use crate::student::lab_progress::Standing;
use crate::student::watch::pages;
use crate::target::Target;
use anyhow::{Context, Result};
use std::path::Path;

/// What `grader try` takes.
#[derive(clap::Args)]
pub struct Options {
    /// The attempt
    attempt: String,
    /// The lab, or a program
    #[arg(long = "in", value_name = "LAB|PROGRAM")]
    inside: String,
    /// The kind of decoy host; the default is root for root with a reference lab, else user
    #[arg(long, value_name = "KIND")]
    decoy: Option<DecoyKind>,
}

/// Runs it. The exit code is 0 whatever was seen.
pub fn run(options: &Options) -> Result<u8> {
    let attempt = find(&options.attempt)?;
    let lab = labs::resolve(&options.inside);
    let kind = if lab.is_some() { options.decoy } else { Some(decoy(options.decoy, false)?) };
    let from = Place::of_labs(kind)?;
    let (decoy, reference) = (from.decoy, lab.is_some() && from.reference);
    warn(decoy, reference);
    let program = match lab {
        Some(_) => None,
        None if Path::new(&options.inside).exists() => {
            Some(Target::program(Path::new(&options.inside), decoy)?)
        }
        None => {
            let known = labs::ALL.join(", ");
            return Err(Usage(format!("{}: neither a lab ({known}) nor a program", options.inside)).into());
        }
    };
    program.iter().for_each(say_copied);
    let (place, name) = rootfs(None)?;
    let mut workers = Workers::start(&place, LIMIT)?;
    let labs: Vec<&str> = lab.into_iter().collect();
    let mut targets = from.build(&labs, &workers.directory().join("labs"))?;
    targets.extend(program);
    let run = Run { targets, attempts: vec![attempt], works: false };
    let report = grade(&run, &mut workers, Report::new(decoy, name), |_| {})?;
    drop(workers);
    let (target, check) = report.checks().next().context("nothing was tried")?;
    let beside = Beside {
        wanted: wanted(target, &check.id, decoy),
        way_out: if check.is_unjudgeable_here() { way_out(reference) } else { None },
        shell: lab.map(|lab| pages::shell(lab, &place)).unwrap_or_default(),
    };
    Output::Standard.finish(|out| story::write(target, check, attempt, &beside, out))?;
    Ok(0)
}

/// The steps of a lab of the workspace that this check wants and that are not there.
fn wanted(target: &TargetReport, check: &str, decoy: DecoyKind) -> Vec<Wanted> {
    let (Some(workspace), Ok(reference)) = (Workspace::find(), Workspace::sources().steps()) else {
        return Vec::new();
    };
    // Where a file is no text, the checks alone decide.
    let source = Source::read(workspace.root()).unwrap_or_default();
    pages::wanted(&Standing::of(&target.name, &reference, &source, Some((target, decoy))).places, check)
}
