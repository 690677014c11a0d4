//! The report as JSON, for machines. The schema: `grader/schema/report-v1.schema.json`.

use crate::report::Report;
use crate::text::write_json;
use std::io::{self, Write};

/// Writes it.
pub fn write(report: &Report, out: &mut impl Write) -> io::Result<()> {
    write_json(report, out)
}
