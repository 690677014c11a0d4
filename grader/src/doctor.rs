//! Examines the machine: what can be judged on it, what can't, and the command that fixes it.
//!
//! # Layout
//! - [`look`]: the examination; [`child`] and [`decoys`] try things out.
//! - [`features`]: what is used of the kernel that not every kernel has. [`facts`]: the results.
//! - [`findings`]: what the results mean. [`hindrance`]: what forbids user namespaces. [`mend`]: the fixes.
//! - [`way_out`](mod@way_out): the one command to run where nothing can be judged.

pub mod child;
pub mod decoys;
pub mod facts;
pub mod features;
pub mod findings;
pub mod hindrance;
pub mod look;
pub mod mend;
pub mod way_out;

pub use facts::MachineFacts;
pub use findings::findings;
pub use mend::Mend;
pub use way_out::way_out;

use anyhow::Result;
use std::time::Duration;

/// One finding.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Finding {
    /// What was examined.
    pub area: Area,
    /// The result, in words.
    pub found: String,
    /// Whether the result suffices.
    pub state: Assessment,
}

/// The assessment of a finding.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Assessment {
    /// It is as it should be.
    Fine,
    /// For information; everything that the grader judges today can be judged.
    Note,
    /// Something can't be judged.
    Lack {
        /// What can't be judged.
        costs: String,
        /// The fix.
        mend: Mend,
    },
}

/// The examined areas, in the order in which they are shown.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Area {
    /// The kernel, and the features that the grader needs.
    Kernel,
    /// A container around the grader.
    Container,
    /// User namespaces.
    UserNamespaces,
    /// Ids for a decoy's user namespace.
    Ids,
    /// Loop devices, for the decoy disk.
    LoopDevices,
    /// Control groups.
    Cgroups,
    /// ptrace(2).
    Tracing,
    /// The cache directory.
    Cache,
    /// The directory for temporary files.
    Temporary,
    /// How the labs link.
    Linking,
    /// The ioctl that types into a terminal.
    Typing,
    /// Decoy hosts of the root kind.
    RootDecoy,
    /// Decoy hosts of the user kind.
    UserDecoy,
}

impl Area {
    /// Its name, for people.
    pub fn name(self) -> &'static str {
        match self {
            Area::Kernel => "kernel",
            Area::Container => "container",
            Area::UserNamespaces => "user namespaces",
            Area::Ids => "free ids",
            Area::LoopDevices => "loop devices",
            Area::Cgroups => "control groups",
            Area::Tracing => "ptrace",
            Area::Cache => "cache",
            Area::Temporary => "temporary files",
            Area::Linking => "linking",
            Area::Typing => "TIOCSTI",
            Area::RootDecoy => "root decoy",
            Area::UserDecoy => "user decoy",
        }
    }

    /// Whether a lack in this area can be the reason why nothing can be judged.
    fn can_stop_all(self) -> bool {
        !matches!(self, Area::Ids | Area::Cgroups | Area::Linking | Area::Typing)
    }
}

/// Examines everything; `limit`: the timeout of one trial on a decoy host. The calling process must have one thread.
///
/// # Errors
/// The person interrupted it.
pub fn examine(limit: Duration) -> Result<MachineFacts> {
    let decoys = decoys::all(limit)?;
    Ok(MachineFacts { decoys, ..look::facts() })
}
