//! The two marker lines, and the lines between them.
//!
//! A step begins with a line `// step: NAME` and ends with a line `// end step`, each alone on its line; a NAME
//! consists of `a` to `z`, `0` to `9` and `-`. Indentation and line ends are free.

use std::fmt;
use std::path::{Path, PathBuf};

/// A step in a file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct MarkedStep {
    /// Its name.
    pub name: String,
    /// The file, as passed to [`parse`].
    pub file: PathBuf,
    /// The line of `// step:`, counted from 1.
    pub line: usize,
    /// The line of `// end step`.
    pub end: usize,
    /// The lines between the markers, without the common indentation, each with `\n` at its end.
    pub body: String,
}

/// A wrong marker or row, and its place.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Broken {
    /// The file.
    pub file: PathBuf,
    /// The line, counted from 1.
    pub line: usize,
    /// The reason.
    pub why: MarkerFault,
}

/// The faults.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum MarkerFault {
    /// A step without an end.
    Unclosed(String),
    /// A second step begins before the first has ended.
    Nested {
        /// The open step.
        open: String,
        /// The line of its begin.
        line: usize,
    },
    /// An end without a step.
    EndWithoutStep,
    /// A second step of this name in the lab.
    Doubled {
        /// The name.
        name: String,
        /// The file of the first one.
        file: PathBuf,
        /// Its line.
        line: usize,
    },
    /// A name that is empty or has other characters than `a` to `z`, `0` to `9` and `-`.
    BadName(String),
    /// A line that resembles a marker, but is not exactly one.
    Misspelled(String),
    /// A step without a row in `steps.toml`.
    Unknown(String),
    /// A row of `steps.toml` without a step in the source.
    NoMarker(String),
    /// `steps.toml` can't be read.
    Table(String),
}

impl fmt::Display for Broken {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}: {}", self.file.display(), self.line, self.why)
    }
}

impl fmt::Display for MarkerFault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            MarkerFault::Unclosed(name) => write!(f, "the step {name} has no `// end step`"),
            MarkerFault::Nested { open, line } => {
                write!(f, "a step begins inside the step {open}, which began at line {line}")
            }
            MarkerFault::EndWithoutStep => write!(f, "`// end step` without a `// step: NAME` before it"),
            MarkerFault::Doubled { name, file, line } => {
                write!(f, "a second step {name}; the first is at {}:{line}", file.display())
            }
            MarkerFault::BadName(name) => {
                write!(f, "{name:?} is not a name of a step: use only a-z, 0-9 and -")
            }
            MarkerFault::Misspelled(text) => {
                write!(f, "`{text}` is neither `// step: NAME` nor `// end step`")
            }
            MarkerFault::Unknown(step) => write!(f, "the step {step} has no row in steps.toml"),
            MarkerFault::NoMarker(step) => write!(f, "the step {step} has no marker in the source"),
            MarkerFault::Table(message) => write!(f, "{message}"),
        }
    }
}

impl std::error::Error for Broken {}

/// Finds the steps of one file, in their order.
///
/// # Errors
/// The first wrong marker.
pub fn parse(file: &Path, text: &str) -> Result<Vec<MarkedStep>, Broken> {
    let broken = |line, why| Broken { file: file.to_owned(), line, why };
    let mut found: Vec<MarkedStep> = Vec::new();
    let mut open: Option<(String, usize, Vec<&str>)> = None;
    // Editors of Windows begin a file with the mark of its byte order, which rustc ignores.
    let text = text.strip_prefix('\u{feff}').unwrap_or(text);

    for (number, text) in (1..).zip(text.lines()) {
        match marker(text).map_err(|why| broken(number, why))? {
            None => {
                if let Some((_, _, body)) = &mut open {
                    body.push(text);
                }
            }
            Some(Marker::Begin(name)) => {
                if let Some((open, line, _)) = open {
                    return Err(broken(number, MarkerFault::Nested { open, line }));
                }
                if let Some(first) = found.iter().find(|step| step.name == name) {
                    return Err(broken(number, doubled(first)));
                }
                open = Some((name.to_owned(), number, Vec::new()));
            }
            Some(Marker::End) => {
                let Some((name, line, body)) = open.take() else {
                    return Err(broken(number, MarkerFault::EndWithoutStep));
                };
                found.push(MarkedStep {
                    name,
                    file: file.to_owned(),
                    line,
                    end: number,
                    body: dedent(&body),
                });
            }
        }
    }
    match open {
        Some((name, line, _)) => Err(broken(line, MarkerFault::Unclosed(name))),
        None => Ok(found),
    }
}

/// The fault for a second step of the same name.
pub(super) fn doubled(first: &MarkedStep) -> MarkerFault {
    MarkerFault::Doubled { name: first.name.clone(), file: first.file.clone(), line: first.line }
}

enum Marker<'a> {
    Begin(&'a str),
    End,
}

/// The marker on a line, if there is one. A comment that resembles a marker is an error: ignored, it would silently
/// make the step part of the code around it.
fn marker(line: &str) -> Result<Option<Marker<'_>>, MarkerFault> {
    let line = line.trim();
    if line == "// end step" {
        return Ok(Some(Marker::End));
    }
    if let Some(name) = line.strip_prefix("// step: ") {
        let fits = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '-';
        return if !name.is_empty() && name.chars().all(fits) {
            Ok(Some(Marker::Begin(name)))
        } else {
            Err(MarkerFault::BadName(name.to_owned()))
        };
    }
    let comment = line.strip_prefix("//").map(str::trim_start).unwrap_or_default().to_lowercase();
    if comment.starts_with("step:") || comment.starts_with("end step") {
        return Err(MarkerFault::Misspelled(line.to_owned()));
    }
    Ok(None)
}

/// Removes the common indentation.
fn dedent(lines: &[&str]) -> String {
    let indentation = |line: &str| line.len() - line.trim_start().len();
    let filled = lines.iter().filter(|line| !line.trim().is_empty());
    let shared = filled.map(|line| indentation(line)).min().unwrap_or(0);
    lines.iter().map(|line| format!("{}\n", line.get(shared..).unwrap_or("").trim_end())).collect()
}

#[cfg(test)]
mod tests;
