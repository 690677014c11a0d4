//! `grader knockout [LAB|STEP]`: removes each step in turn, and shows which checks fail without it.

use super::UsageError;
use super::common::{LabSource, ReportOutput, TrialsBar, rootfs, trial_limit, warn};
use crate::cache_dir;
use crate::labs;
use crate::labs::steps::{Source, Step};
use crate::labs::variant::Workshop;
use crate::report::DecoyKind;
use crate::runner::knockout::{Knockouts, knockout};
use crate::runner::workers::Workers;
use crate::text;
use anyhow::Result;
use std::io::{self, Write};
use std::path::PathBuf;

/// What `grader knockout` takes.
#[derive(clap::Args)]
pub struct Options {
    /// Labs, or single steps (lab1/hostname, or hostname alone); without a name, all labs
    #[arg(value_name = "LAB|STEP")]
    names: Vec<String>,
    /// The kind of decoy host; the default is root for root with the reference labs, else user
    #[arg(long, value_name = "KIND")]
    decoy: Option<DecoyKind>,
    /// Format of the table
    #[arg(long, value_name = "FORMAT", value_enum, default_value_t)]
    format: super::run::Format,
    /// Write the table to FILE instead of standard output
    #[arg(long, value_name = "FILE")]
    output: Option<PathBuf>,
}

/// Runs the knock-outs. The exit code is 1 where a step lost other checks than expected.
pub fn run(options: &Options) -> Result<u8> {
    let place = LabSource::of_labs(options.decoy)?;
    let (workspace, decoy) = (place.workspace()?, place.decoy);
    warn(decoy, place.reference);
    let source = Source::read(workspace.root())?;
    let steps = chosen(source.steps()?, &options.names)?;
    let output = ReportOutput::open(options.output.as_deref())?;
    let (rootfs, _) = rootfs(None)?;
    let mut workers = Workers::start(&rootfs, trial_limit())?;
    let workshop = Workshop::open(workspace.root(), &cache_dir::cache()?.join("variants"))?;
    let progress = TrialsBar::new();
    let found = knockout(&steps, decoy, &source, &workshop, &mut workers, |event| progress.show(event))?;
    drop(progress);
    drop(workers);
    output.finish(|out| match options.format {
        super::run::Format::Table => table(&found, out),
        super::run::Format::Json => text::write_json(&found, out),
    })?;
    Ok(u8::from(found.mutation_score < 1.0 || !found.fell_short.is_empty()))
}

/// The steps with these names, each once, in teaching order.
fn chosen(mut steps: Vec<Step>, names: &[String]) -> Result<Vec<Step>> {
    let meant = |step: &Step, name: &str| {
        labs::resolve(name).is_some_and(|lab| step.id.lab == lab) || step.id.is_called(name)
    };
    for name in names {
        if !steps.iter().any(|step| meant(step, name)) {
            let known = labs::ALL.join(", ");
            let said = format!("{name}: neither a lab nor a step; there are {known}; see: grader explain");
            return Err(UsageError(said).into());
        }
    }
    steps.retain(|step| names.is_empty() || names.iter().any(|name| meant(step, name)));
    Ok(steps)
}

fn table(found: &Knockouts, out: &mut dyn Write) -> io::Result<()> {
    for row in &found.steps {
        let lost = match row.lost.as_slice() {
            [] if row.beyond_judging => "nothing that this kind of decoy host can judge".to_owned(),
            [] => "nothing".to_owned(),
            lost => lost.join(", "),
        };
        writeln!(out, "{}/{}\n    {lost}", row.lab, row.step)?;
        if !row.as_expected() {
            writeln!(out, "    ! expected: {}", row.expected.join(", "))?;
        }
    }
    for line in &found.fell_short {
        writeln!(out, "not knocked out, since the unmodified lab does not pass: {line}")?;
    }
    let exact = found.steps.iter().filter(|row| row.as_expected()).count();
    writeln!(out, "\n{exact} of {} steps lose exactly the expected checks", found.steps.len())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::runner::knockout::Knockout;

    #[test]
    fn what_is_not_as_expected_is_marked() {
        let row = |step: &str, lost: &[&str], expected: &[&str], beyond_judging| {
            let [lost, expected] = [lost, expected].map(|it| it.iter().map(ToString::to_string).collect());
            Knockout { lab: "lab".into(), step: step.into(), lost, expected, beyond_judging }
        };
        let steps = vec![
            row("right", &["a", "b"], &["a", "b"], false),
            row("idle", &[], &["a"], false),
            row("beyond", &[], &[], true),
        ];
        let fell_short = vec!["lab a: FAILS (why)".into()];
        let found = Knockouts { decoy: DecoyKind::User, steps, fell_short, mutation_score: 0.5 };
        let mut out = Vec::new();
        table(&found, &mut out).unwrap();
        let said = "lab/right\n    a, b\nlab/idle\n    nothing\n    ! expected: a\n\
                    lab/beyond\n    nothing that this kind of decoy host can judge\n\
                    not knocked out, since the unmodified lab does not pass: lab a: FAILS (why)\n\n\
                    2 of 3 steps lose exactly the expected checks\n";
        assert_eq!(String::from_utf8(out).unwrap(), said);
    }
}
