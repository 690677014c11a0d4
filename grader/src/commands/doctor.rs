//! `grader doctor`: what can be judged on this machine, what can't, and the command that fixes it.

use super::common::{HELPS, ReportOutput, trial_limit};
use crate::doctor::{Area, Assessment, Finding, MachineFacts, Mend, examine, findings, way_out};
use crate::report::NOTHING_JUDGED;
use crate::text;
use anstyle::{AnsiColor, Style};
use anyhow::Result;
use std::io::{self, Write};

/// The width of a page, in columns.
const WIDTH: usize = 80;
/// The column where the text begins, after the mark and the area.
const INDENT: usize = 22;

/// Examines the machine and prints the findings. The exit code is 3 where no kind of decoy host works.
pub fn run() -> Result<u8> {
    let facts = examine(trial_limit())?;
    ReportOutput::Standard.finish(|mut out| write(&facts, &mut out))?;
    Ok(if facts.works() { 0 } else { NOTHING_JUDGED })
}

fn write(facts: &MachineFacts, out: &mut impl Write) -> io::Result<()> {
    let mut last: Option<Area> = None;
    for finding in findings(facts) {
        let name = if last == Some(finding.area) { "" } else { finding.area.name() };
        last = Some(finding.area);
        one(&finding, name, out)?;
    }
    writeln!(out)?;
    if facts.works() {
        return writeln!(out, "Checks can be judged on this machine: a decoy host works.");
    }
    writeln!(out, "Nothing can be judged on this machine as it is.")?;
    match way_out(facts, &[], true) {
        Some(command) => writeln!(out, "{HELPS}\n{command}"),
        None => Ok(()),
    }
}

fn one(finding: &Finding, name: &str, out: &mut impl Write) -> io::Result<()> {
    let (mark, colour) = match finding.state {
        Assessment::Fine => ("ok", AnsiColor::Green),
        Assessment::Note => ("note", AnsiColor::Blue),
        Assessment::Lack { .. } => ("LACK", AnsiColor::Red),
    };
    let style = Style::new().fg_color(Some(colour.into()));
    let first = format!("{style}{mark:<4}{style:#}  {name:<16}");
    paragraph(&first, &finding.found, out)?;
    if let Assessment::Lack { costs, mend } = &finding.state {
        paragraph(&format!("{:>20}  ", "costs:"), costs, out)?;
        match mend {
            // Never wrapped, so that it can be pasted.
            Mend::Run(command) => writeln!(out, "{:>20}  {command}", "fix:")?,
            Mend::Otherwise(words) => paragraph(&format!("{:>20}  ", "advice:"), words, out)?,
        }
    }
    Ok(())
}

/// Words after `first`, wrapped and indented.
fn paragraph(first: &str, words: &str, out: &mut impl Write) -> io::Result<()> {
    writeln!(out, "{}", text::wrap(first, &" ".repeat(INDENT), words, WIDTH))
}
