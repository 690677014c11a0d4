//! The two marker lines, and what stands between them.
//!
//! A step begins with a line that holds nothing but `// step: NAME` and ends with a line that holds nothing
//! but `// end step`; a NAME is made of `a` to `z`, `0` to `9` and `-`. Indentation and line ends are free.

use std::fmt;
use std::path::{Path, PathBuf};

/// A step as it stands in a file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct MarkedStep {
    /// Its name.
    pub name: String,
    /// The file, as it was given to [`parse`].
    pub file: PathBuf,
    /// The line of `// step:`, counted from 1.
    pub line: usize,
    /// The line of `// end step`.
    pub end: usize,
    /// The lines between the markers, without the indentation they share, each ended by `\n`.
    pub body: String,
}

/// What is wrong with a step, and where.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Broken {
    /// The file.
    pub file: PathBuf,
    /// The line, counted from 1.
    pub line: usize,
    /// The reason.
    pub why: MarkerFault,
}

/// The ways in which a step can be wrong.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum MarkerFault {
    /// The file ends, and the step does not.
    Unclosed(String),
    /// A second step begins before the first, at that line, has ended.
    Nested {
        /// The step that is open.
        open: String,
        /// Where it began.
        line: usize,
    },
    /// An end, and no step that could end.
    EndWithoutStep,
    /// The lab has had a step of that name already.
    Doubled {
        /// The name.
        name: String,
        /// Where the first one stands.
        file: PathBuf,
        /// Its line.
        line: usize,
    },
    /// A name that is empty, or holds something else than `a` to `z`, `0` to `9` and `-`.
    BadName(String),
    /// Meant as a marker, as it seems, but not one to the letter.
    Misspelled(String),
    /// A step that `steps.toml` does not know.
    Unknown(String),
    /// A row of `steps.toml` whose step is not in the source.
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
            MarkerFault::EndWithoutStep => write!(f, "`// end step`, and no step is open"),
            MarkerFault::Doubled { name, file, line } => {
                write!(f, "a second step {name}; the first is at {}:{line}", file.display())
            }
            MarkerFault::BadName(name) => write!(f, "{name:?} is no name of a step: only a-z, 0-9 and - are"),
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

/// Finds the steps of one file, in the order in which they stand there.
///
/// # Errors
/// The first marker that is wrong.
pub fn parse(file: &Path, text: &str) -> Result<Vec<MarkedStep>, Broken> {
    let broken = |line, why| Broken { file: file.to_owned(), line, why };
    let mut found: Vec<MarkedStep> = Vec::new();
    let mut open: Option<(String, usize, Vec<&str>)> = None;

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

/// The reason for refusing another step of the same name.
pub(super) fn doubled(first: &MarkedStep) -> MarkerFault {
    MarkerFault::Doubled { name: first.name.clone(), file: first.file.clone(), line: first.line }
}

enum Marker<'a> {
    Begin(&'a str),
    End,
}

/// What marker a line is, if it is one. A comment that is nearly one is an error: as a comment it would make
/// the step part of the code around it, and nobody would see that.
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

/// Takes away the indentation that all lines share.
fn dedent(lines: &[&str]) -> String {
    let indentation = |line: &str| line.len() - line.trim_start().len();
    let filled = lines.iter().filter(|line| !line.trim().is_empty());
    let shared = filled.map(|line| indentation(line)).min().unwrap_or(0);
    lines.iter().map(|line| format!("{}\n", line.get(shared..).unwrap_or("").trim_end())).collect()
}

#[cfg(test)]
mod tests;
