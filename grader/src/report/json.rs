//! The report as JSON, for machines. The schema: `grader/schema/report-v1.schema.json`.

use super::Report;
use std::io::{self, Write};

/// Writes it.
pub fn write(report: &Report, out: &mut impl Write) -> io::Result<()> {
    serde_json::to_writer_pretty(&mut *out, report)?;
    writeln!(out)
}
