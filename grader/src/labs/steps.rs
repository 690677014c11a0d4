//! The labs' named steps: finds them in source, describes them, and removes them.
//!
//! A step is a few lines of a lab between two markers:
//!
//! ```text
//! // step: private-propagation
//! mount(NONE, "/", NONE, MsFlags::MS_REC | MsFlags::MS_PRIVATE, NONE).step("private-propagation")?;
//! // end step
//! ```
//!
//! The student's workspace is the labs without any step; a knock-out is the labs without one of them; the book and
//! `explain` quote a step by its name.
//!
//! # Layout
//! - [`marker`]: the two marker lines, and the lines between them.
//! - [`source`]: the labs' files, from which steps can be removed.
//! - `rows`: `steps.toml`, which says what the source does not.
//! - [`to_come`]: the steps of later labs.

pub mod marker;
mod rows;
pub mod source;
pub mod to_come;

pub use marker::{Broken, MarkedStep, MarkerFault, parse};
pub use rows::{USER_NAMESPACE, losing, missing};
pub use source::Source;

use crate::labs;
use std::collections::BTreeMap;
use std::fmt;
use std::path::PathBuf;
use std::str::FromStr;

/// A step's full name, written `lab1-namespaces/pid-namespace`.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct StepId {
    /// The lab's directory.
    pub lab: String,
    /// The name in the marker.
    pub name: String,
}

/// A step, from the source and from `steps.toml`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Step {
    /// Its full name.
    pub id: StepId,
    /// Its file, relative to the workspace.
    pub file: PathBuf,
    /// The line of its marker, counted from 1.
    pub line: usize,
    /// Its code, without the common indentation.
    pub body: String,
    /// The goal, and why it matters.
    pub goal: String,
    /// The manual pages to read first.
    pub man: Vec<String>,
    /// Three hints, each more concrete than the one before.
    pub hints: [String; 3],
    /// The checks that fail when only this step is removed from its lab.
    pub lost: Vec<String>,
    /// Further checks that fail on a decoy host of the user kind.
    pub lost_user: Vec<String>,
    /// Of these checks, those that fail only while one of these other steps of the lab is present.
    pub lost_with: BTreeMap<String, Vec<String>>,
    /// The checks that fail only when every step that lists them here is removed.
    pub lost_together: Vec<String>,
}

impl StepId {
    /// Whether the name means this step: `lab1-namespaces/pid-namespace`, `lab1/pid-namespace`, or `pid-namespace`
    /// alone.
    pub fn is_called(&self, name: &str) -> bool {
        match name.split_once('/') {
            Some((lab, step)) => step == self.name && labs::resolve(lab) == Some(self.lab.as_str()),
            None => name == self.name,
        }
    }
}

impl fmt::Display for StepId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", self.lab, self.name)
    }
}

impl FromStr for StepId {
    type Err = String;

    /// Parses `lab1-namespaces/pid-namespace`.
    fn from_str(text: &str) -> Result<StepId, String> {
        match text.split_once('/') {
            Some((lab, name)) if !lab.is_empty() && !name.is_empty() => {
                Ok(StepId { lab: lab.to_owned(), name: name.to_owned() })
            }
            _ => Err(format!("{text:?} is not a step: expected LAB/NAME")),
        }
    }
}
