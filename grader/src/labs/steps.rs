//! The labs' named steps: finds them in source, says what they are for, and takes them out.
//!
//! A step is a few lines of a lab between two markers:
//!
//! ```text
//! // step: private-propagation
//! mount(NONE, "/", NONE, MsFlags::MS_REC | MsFlags::MS_PRIVATE, NONE).step("private-propagation")?;
//! // end step
//! ```
//!
//! The student's workspace is the labs without any step, a knock-out the labs without one of them, and the
//! book and `explain` quote a step by its name.
//!
//! # Layout
//! - [`marker`]: the two marker lines, and what stands between them.
//! - [`source`]: the labs' files, from which steps can be taken.
//! - `rows`: `steps.toml`, which says what can't be read from source.
//! - [`to_come`]: the steps of labs that are still to come.

pub mod marker;
mod rows;
pub mod source;
pub mod to_come;

pub use marker::{Broken, MarkedStep, MarkerFault, parse};
pub use rows::{USER_NAMESPACE, losing};
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
    /// The file it stands in, relative to the workspace.
    pub file: PathBuf,
    /// The line of its marker, counted from 1.
    pub line: usize,
    /// Its code, without the indentation that all lines share.
    pub body: String,
    /// What the student is to achieve, and why it matters.
    pub goal: String,
    /// The manual pages to read first.
    pub man: Vec<String>,
    /// Three hints, each more concrete than the one before.
    pub hints: [String; 3],
    /// The checks that fall short when this step alone is taken out of its lab.
    pub lost: Vec<String>,
    /// What is lost besides on a decoy host of the user kind.
    pub lost_user: Vec<String>,
    /// Of what is lost, that which is lost only where one of these other steps of the lab is in.
    pub lost_with: BTreeMap<String, Vec<String>>,
    /// The checks that fall short only when every step that names them here is taken out.
    pub lost_together: Vec<String>,
}

impl StepId {
    /// Whether a person means this step: `lab1-namespaces/pid-namespace`, `lab1/pid-namespace`, or
    /// `pid-namespace` alone.
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

    /// Reads `lab1-namespaces/pid-namespace`.
    fn from_str(text: &str) -> Result<StepId, String> {
        match text.split_once('/') {
            Some((lab, name)) if !lab.is_empty() && !name.is_empty() => {
                Ok(StepId { lab: lab.to_owned(), name: name.to_owned() })
            }
            _ => Err(format!("{text:?} is no step: a lab and a name with a slash between them are")),
        }
    }
}
