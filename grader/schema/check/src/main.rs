//! `check SCHEMA REPORT...`: are these reports what the schema (JSON Schema, draft 2020-12) says?
//!
//! Every violation is a line: the report, the path in it (a JSON Pointer, RFC 6901), and what is wrong there.
//! Exit codes: 0 all are; 1 some are not, or a file can't be read; 2 the command line is wrong.

use serde_json::Value;
use std::process::ExitCode;

const USAGE: &str = "usage: check SCHEMA REPORT...";

fn main() -> ExitCode {
    let words: Vec<String> = std::env::args().skip(1).collect();
    let [schema, reports @ ..] = &words[..] else {
        eprintln!("{USAGE}");
        return ExitCode::from(2);
    };
    if reports.is_empty() {
        eprintln!("{USAGE}");
        return ExitCode::from(2);
    }
    match check(schema, reports) {
        Ok(0) => ExitCode::SUCCESS,
        Ok(_) => ExitCode::FAILURE,
        Err(why) => {
            eprintln!("check: {why}");
            ExitCode::FAILURE
        }
    }
}

/// The number of violations in all reports. Each is printed.
fn check(schema: &str, reports: &[String]) -> Result<usize, String> {
    let validator =
        jsonschema::draft202012::new(&read(schema)?).map_err(|error| format!("{schema}: {error}"))?;
    let mut number = 0;
    for report in reports {
        for violation in validator.iter_errors(&read(report)?) {
            number += 1;
            println!("{report}: {}: {violation}", pointer(&violation.instance_path().to_string()));
        }
    }
    Ok(number)
}

/// The whole document has the empty pointer, which nobody would see.
fn pointer(path: &str) -> &str {
    if path.is_empty() { "(top)" } else { path }
}

fn read(path: &str) -> Result<Value, String> {
    let text = std::fs::read_to_string(path).map_err(|error| format!("can't read {path}: {error}"))?;
    serde_json::from_str(&text).map_err(|error| format!("{path} is not JSON: {error}"))
}
