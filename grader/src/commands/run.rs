//! `grader run`, and `grader` alone: grade some, print the matrix.

use super::Usage;
use super::common::{HELPS, LIMIT, Output, Place, Progress, decoy, rootfs, say_copied, warn};
use super::student::Student;
use crate::doctor;
use crate::formats::{json, table};
use crate::judge::points::Rubric;
use crate::judge::prerequisites;
use crate::labs;
use crate::report::CheckKind;
use crate::report::DecoyKind;
use crate::report::{Check, NOTHING_JUDGED, Report};
use crate::runner::grading::{Run, grade};
use crate::runner::workers::Workers;
use crate::student::summary;
use crate::target::Target;
use crate::text;
use anyhow::Result;
use attempts::attempts::{ALL, Attempt};
use attempts::works::Work;
use std::path::{Path, PathBuf};

/// What `grader run` takes.
#[derive(clap::Args, Default)]
pub struct Options {
    /// Labs (lab1-namespaces, lab1 or 1), or programs that are called as `PROGRAM DIRECTORY COMMAND [ARGS...]`
    #[arg(value_name = "LAB|PROGRAM")]
    names: Vec<String>,
    /// Only this attempt or works check; may be repeated
    #[arg(long, value_name = "ID")]
    attempt: Vec<String>,
    /// A program through a command template with {rootfs}, {command} and {id} in it; may be repeated
    #[arg(long, value_name = "TEMPLATE")]
    program: Vec<String>,
    /// The kind of decoy host; the default is root for root with nothing but the reference labs, else user
    #[arg(long, value_name = "KIND")]
    decoy: Option<DecoyKind>,
    /// The root file system to use in place of the embedded one
    #[arg(long, value_name = "DIR")]
    rootfs: Option<PathBuf>,
    /// The rubric to count points by in place of the default one
    #[arg(long, value_name = "FILE")]
    rubric: Option<PathBuf>,
    /// Read the rubric, print it, and grade nothing
    #[arg(long)]
    check: bool,
    /// How the report is written
    #[arg(long, value_name = "FORMAT", value_enum, default_value_t)]
    format: Format,
    /// Where the report is written, in place of standard output
    #[arg(long, value_name = "FILE")]
    output: Option<PathBuf>,
}

/// The report's formats.
#[derive(Clone, Copy, Default, clap::ValueEnum)]
pub enum Format {
    /// The matrix, for people
    #[default]
    Table,
    /// JSON, for machines
    Json,
}

/// Grades, and returns the exit code.
pub fn run(options: &Options) -> Result<u8> {
    let rubric = match &options.rubric {
        Some(path) => Rubric::read(path).map_err(|error| Usage(format!("{error:#}")))?,
        None => Rubric::standard(),
    };
    if options.check {
        Output::Standard.finish(|out| write!(out, "{rubric}"))?;
        return Ok(0);
    }
    let (labs, programs) = sort(options)?;
    let only_labs = programs.is_empty() && options.program.is_empty();
    // Beside a program the labs are in the same kind of decoy as it.
    let kind = if only_labs { options.decoy } else { Some(decoy(options.decoy, false)?) };
    let place = Place::of_labs(kind)?;
    let (decoy, reference) = (place.decoy, only_labs && place.reference);
    warn(decoy, reference);
    let mut others = Vec::new();
    for path in programs {
        others.push(Target::program(path, decoy).map_err(Usage::from)?);
    }
    for template in &options.program {
        others.push(Target::template(template, decoy).map_err(Usage::from)?);
    }
    others.iter().for_each(say_copied);
    let (attempts, works) = checks(&options.attempt)?;
    let whole = options.attempt.is_empty();
    let output = Output::open(options.output.as_deref())?;
    let (rootfs, rootfs_name) = rootfs(options.rootfs.as_deref())?;

    let mut workers = Workers::start(&rootfs, LIMIT)?;
    let mut targets = place.build(&labs, &workers.directory().join("labs"))?;
    targets.extend(others);
    Target::tell_apart(&mut targets);
    let run = Run { targets, attempts, works: whole || !works.is_empty() };
    let progress = Progress::new();
    let mut report =
        grade(&run, &mut workers, Report::new(decoy, rootfs_name), |event| progress.show(event))?;
    drop(progress);
    for note in workers.notes() {
        text::say(&text::line(&format!("grader: {note}")));
    }
    drop(workers);
    if whole {
        report.targets.iter_mut().for_each(|target| rubric.fill_in(target));
    } else {
        // Of a few checks no points are counted: they are no whole part. Works checks are always run together.
        let wanted = |check: &Check| check.kind != CheckKind::Works || works.contains(&check.id.as_str());
        for (target, aim) in report.targets.iter_mut().zip(&run.targets) {
            let all = std::mem::take(&mut target.checks);
            let (asked, others): (Vec<_>, Vec<_>) = all.into_iter().partition(wanted);
            // What one of them waits for is to be mended, whether it was asked for or not.
            let awaited = |other: &Check| asked.iter().any(|check| check.waiting_for.contains(&other.id));
            let matter: Vec<_> = others.into_iter().filter(awaited).chain(asked.iter().cloned()).collect();
            target.fix_first = prerequisites::fix_first(&matter, aim.what.lab());
            target.checks = asked;
        }
    }
    let code = report.exit_code();
    let help = if code == NOTHING_JUDGED { way_out(reference) } else { None };
    let beside = matches!(options.format, Format::Json) || options.output.is_some();
    let below = help.as_ref().filter(|_| !beside);
    // Of what a machine reads, or of a part, nobody stands anywhere.
    let student = if whole && only_labs && !beside && help.is_none() { Student::find() } else { None };
    let position = student.as_ref().map(|student| student.note(&report)).transpose()?;
    output.finish(|mut out| match options.format {
        Format::Table => {
            match &position {
                Some(position) => {
                    table::matrix(&report, &mut out)?;
                    table::unjudged(&report, &mut out)?;
                    summary::write(position, &mut out)?;
                }
                None => table::write(&report, &mut out)?,
            }
            below.iter().try_for_each(|command| writeln!(out, "{HELPS}\n{command}"))
        }
        Format::Json => json::write(&report, &mut out),
    })?;
    // No part of what a machine reads, or of a file that nobody looks at now.
    if let Some(command) = help.filter(|_| beside) {
        text::say(&text::lines(&format!("{HELPS}\n{command}")));
    }
    Ok(code)
}

/// The exact command after which, or with which, this run can judge something: the same that `doctor` would
/// name, with what was asked for.
pub fn way_out(reference: bool) -> Option<String> {
    let mut words: Vec<String> = std::env::args().skip(1).collect();
    // What can't be judged in a decoy host of the user kind can't be by root either, as long as that is asked for.
    if let Some(at) = words.windows(2).position(|pair| pair == ["--decoy", "user"]) {
        words.drain(at..at + 2);
    }
    words.retain(|word| word != "--decoy=user");
    doctor::way_out(&doctor::look::facts(), &words, reference)
}

/// The names as labs and programs; no name at all is every lab.
fn sort(options: &Options) -> Result<(Vec<&'static str>, Vec<&Path>)> {
    let (mut found, mut programs) = (Vec::new(), Vec::new());
    for name in &options.names {
        // What exists as a program is meant as one, unless it is a lab's directory.
        match labs::resolve(name) {
            Some(lab) if !found.contains(&lab) => found.push(lab),
            Some(_) => {}
            None if Path::new(name).exists() => programs.push(Path::new(name)),
            None => {
                let known = labs::ALL.join(", ");
                return Err(
                    Usage(format!("{name}: neither a lab ({known}) nor a program that exists")).into()
                );
            }
        }
    }
    if options.names.is_empty() && options.program.is_empty() {
        found.extend(labs::ALL);
    }
    Ok((found, programs))
}

/// The attempts and the works checks with these names; without a name every attempt.
fn checks(ids: &[String]) -> Result<(Vec<&'static Attempt>, Vec<&'static str>)> {
    if ids.is_empty() {
        return Ok((ALL.iter().collect(), Vec::new()));
    }
    let (mut attempts, mut works) = (Vec::new(), Vec::new());
    for id in ids {
        match Work::find(id) {
            Some(work) => works.push(work.id),
            None => attempts.push(find(id)?),
        }
    }
    Ok((attempts, works))
}

/// An attempt by its name.
pub fn find(id: &str) -> Result<&'static Attempt> {
    Attempt::find(id).ok_or_else(|| {
        let known: Vec<_> = ALL.iter().map(|attempt| attempt.id).collect();
        Usage(format!("{id}: no such attempt; there are {}", known.join(", "))).into()
    })
}
