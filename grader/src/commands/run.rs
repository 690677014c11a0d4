//! `grader run`, and `grader` alone: grades targets and prints the matrix.

use super::UsageError;
use super::common::{
    HELPS, LabSource, ReportOutput, TrialsBar, decoy, rootfs, say_copied, trial_limit, warn,
};
use super::student::Student;
use crate::doctor;
use crate::formats::{json, table};
use crate::judge::points::Rubric;
use crate::judge::prerequisites;
use crate::labs;
use crate::report::{Check, CheckKind, DecoyKind, NOTHING_JUDGED, Report, TargetReport};
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
    /// Run only this attempt or works check; may be repeated
    #[arg(long, value_name = "ID", alias = "attempt")]
    check: Vec<String>,
    /// Grade a program that is called by a command template with {rootfs}, {command} and {id}; may be repeated
    #[arg(long, value_name = "TEMPLATE")]
    program: Vec<String>,
    /// The kind of decoy host; the default is root for root with only the reference labs, else user
    #[arg(long, value_name = "KIND")]
    decoy: Option<DecoyKind>,
    /// Use this root file system instead of the embedded one
    #[arg(long, value_name = "DIR")]
    rootfs: Option<PathBuf>,
    /// Count points by this rubric instead of the default one
    #[arg(long, value_name = "FILE")]
    rubric: Option<PathBuf>,
    /// Check the rubric, print it, and grade nothing
    #[arg(long)]
    print_rubric: bool,
    /// Format of the report
    #[arg(long, value_name = "FORMAT", value_enum, default_value_t)]
    format: Format,
    /// Write the report to FILE instead of standard output
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
    let rubric = rubric(options)?;
    if options.print_rubric {
        ReportOutput::Standard.finish(|out| write!(out, "{rubric}"))?;
        return Ok(0);
    }
    let aims = Aims::find(options)?;
    warn(aims.source.decoy, aims.reference);
    aims.programs.iter().for_each(say_copied);
    let checks = Checks::find(&options.check)?;
    let output = ReportOutput::open(options.output.as_deref())?;
    let (rootfs, rootfs_name) = rootfs(options.rootfs.as_deref())?;

    let mut report = Report::new(aims.source.decoy, rootfs_name);
    let numbers = grade_them(&aims, &checks, &rootfs, &mut report)?;
    match checks.all {
        true => report.targets.iter_mut().for_each(|target| rubric.fill_in(target)),
        false => report.targets.iter_mut().zip(numbers).for_each(|(target, lab)| checks.keep(target, lab)),
    }
    tell(options, &aims, checks.all, &report, output)?;
    Ok(report.exit_code())
}

fn rubric(options: &Options) -> Result<Rubric> {
    match &options.rubric {
        Some(path) => Rubric::read(path).map_err(|error| UsageError(format!("{error:#}")).into()),
        None => Ok(Rubric::standard()),
    }
}

/// The targets of a run.
struct Aims {
    labs: Vec<&'static str>,
    programs: Vec<Target>,
    source: LabSource,
    /// Whether all of them are reference labs.
    reference: bool,
}

impl Aims {
    fn find(options: &Options) -> Result<Aims> {
        let (labs, paths) = classify_names(options)?;
        let only_labs = paths.is_empty() && options.program.is_empty();
        // With a program among the targets, the labs run in the same kind of decoy.
        let kind = if only_labs { options.decoy } else { Some(decoy(options.decoy, false)?) };
        let source = LabSource::of_labs(kind)?;
        let paths = paths.into_iter().map(|path| Target::program(path, source.decoy));
        let templates = options.program.iter().map(|template| Target::template(template, source.decoy));
        let programs = paths.chain(templates).collect::<Result<_>>().map_err(UsageError::from)?;
        Ok(Aims { labs, programs, reference: only_labs && source.reference, source })
    }
}

/// The names as labs and programs; without a name all labs.
fn classify_names(options: &Options) -> Result<(Vec<&'static str>, Vec<&Path>)> {
    let (mut found, mut programs) = (Vec::new(), Vec::new());
    for name in &options.names {
        // An existing path is a program, unless it is a lab's directory.
        match labs::resolve(name) {
            Some(lab) if !found.contains(&lab) => found.push(lab),
            Some(_) => {}
            None if Path::new(name).exists() => programs.push(Path::new(name)),
            None => {
                let known = labs::ALL.join(", ");
                return Err(
                    UsageError(format!("{name}: neither a lab ({known}) nor a program that exists")).into()
                );
            }
        }
    }
    if options.names.is_empty() && options.program.is_empty() {
        found.extend(labs::ALL);
    }
    Ok((found, programs))
}

/// The checks to run on each target.
pub struct Checks {
    /// Whether these are all checks.
    all: bool,
    /// The attempts.
    pub attempts: Vec<&'static Attempt>,
    /// Works checks by name; with `all` every one.
    works: Vec<&'static str>,
}

impl Checks {
    /// The checks with these ids; without an id all.
    ///
    /// # Errors
    /// No check has such an id.
    pub fn find(ids: &[String]) -> Result<Checks> {
        if ids.is_empty() {
            return Ok(Checks { all: true, attempts: ALL.iter().collect(), works: Vec::new() });
        }
        let (mut attempts, mut works) = (Vec::new(), Vec::new());
        for id in ids {
            match Work::find(id) {
                Some(work) => works.push(work.id),
                None => attempts.push(find(id)?),
            }
        }
        Ok(Checks { all: false, attempts, works })
    }

    /// Whether the works checks are to be run: they always run together.
    pub fn with_works(&self) -> bool {
        self.all || !self.works.is_empty()
    }

    /// Keeps the checks that were asked for. Works checks always run together. For a selection no points are counted,
    /// since it is not a whole part of the rubric.
    fn keep(&self, target: &mut TargetReport, lab: Option<usize>) {
        let wanted =
            |check: &Check| check.kind != CheckKind::Works || self.works.contains(&check.id.as_str());
        let all = std::mem::take(&mut target.checks);
        let (asked, others): (Vec<_>, Vec<_>) = all.into_iter().partition(wanted);
        // Fix a prerequisite first, even if it was not asked for.
        let awaited = |other: &Check| asked.iter().any(|check| check.waiting_for.contains(&other.id));
        let matter: Vec<_> = others.into_iter().filter(awaited).chain(asked.iter().cloned()).collect();
        target.fix_first = prerequisites::fix_first(&matter, lab);
        target.not_asked_here = asked.iter().filter(|check| check.is_unjudgeable_here()).count();
        target.checks = asked;
    }
}

/// Builds and grades, and returns the lab number of each target that is a lab.
fn grade_them(
    aims: &Aims,
    checks: &Checks,
    rootfs: &Path,
    report: &mut Report,
) -> Result<Vec<Option<usize>>> {
    let mut workers = Workers::start(rootfs, trial_limit())?;
    let mut targets = aims.source.build(&aims.labs, &workers.directory().join("labs"))?;
    targets.extend(aims.programs.iter().cloned());
    Target::tell_apart(&mut targets);
    let numbers = targets.iter().map(|target| target.what.lab()).collect();
    let run = Run { targets, attempts: checks.attempts.clone(), works: checks.with_works() };
    let bar = TrialsBar::new();
    grade(&run, &mut workers, report, |event| bar.show(event))?;
    drop(bar);
    for note in workers.notes() {
        text::say(&text::line(&format!("grader: {note}")));
    }
    Ok(numbers)
}

/// Writes the report, and the command that helps where nothing can be judged.
fn tell(options: &Options, aims: &Aims, whole: bool, report: &Report, output: ReportOutput) -> Result<()> {
    let help = if report.exit_code() == NOTHING_JUDGED { way_out(aims.reference) } else { None };
    // Keep the command out of JSON and out of a file: print it on standard error.
    let apart = matches!(options.format, Format::Json) || options.output.is_some();
    // Progress is reported only for whole tables on standard output.
    let student = whole && aims.programs.is_empty() && !apart && help.is_none();
    let student = if student { Student::find() } else { None };
    let position = student.as_ref().map(|student| student.record(report)).transpose()?;
    output.finish(|mut out| match (options.format, &position) {
        (Format::Json, _) => json::write(report, &mut out),
        (Format::Table, None) => table::write(report, &mut out),
        (Format::Table, Some(position)) => {
            table::matrix(report, &mut out)?;
            table::unjudged(report, &mut out)?;
            summary::write(position, &mut out)
        }
    })?;
    let Some(command) = help else { return Ok(()) };
    match apart {
        true => text::say(&text::lines(&format!("{HELPS}\n{command}"))),
        false => ReportOutput::Standard.finish(|out| writeln!(out, "{HELPS}\n{command}"))?,
    }
    Ok(())
}

/// The command that lets this run judge something, with the same arguments: the one that `doctor` names.
pub fn way_out(reference: bool) -> Option<String> {
    let mut words: Vec<String> = std::env::args().skip(1).collect();
    // A user decoy can't judge this for root either, as long as `--decoy user` is typed.
    if let Some(at) = words.windows(2).position(|pair| pair == ["--decoy", "user"]) {
        words.drain(at..at + 2);
    }
    words.retain(|word| word != "--decoy=user");
    doctor::way_out(&doctor::look::facts(), &words, reference)
}

/// The attempt with this name.
pub fn find(id: &str) -> Result<&'static Attempt> {
    Attempt::find(id).ok_or_else(|| {
        let known: Vec<_> = ALL.iter().map(|attempt| attempt.id).collect();
        UsageError(format!("{id}: no such attempt; there are {}", known.join(", "))).into()
    })
}
