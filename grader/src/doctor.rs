//! The examination of a machine: what it can judge, what it can't, and the command that would change it.
//!
//! # Layout
//! - [`look`]: looks, and tries; [`child`] and [`decoys`] do the trying.
//! - [`facts`]: what was found.
//! - [`findings`]: what that means. [`hindrance`]: what forbids user namespaces. [`mend`]: the commands.
//! - [`way_out`](mod@way_out): the one to run where nothing can be judged.

pub mod child;
pub mod decoys;
pub mod facts;
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

/// One thing that was looked at.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Finding {
    /// What was looked at.
    pub area: Area,
    /// What was found, in words.
    pub found: String,
    /// Whether that is enough.
    pub state: Assessment,
}

/// What a finding amounts to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Assessment {
    /// It is as it should be.
    Fine,
    /// Good to know; it costs nothing that the grader judges today.
    Note,
    /// Something can't be judged.
    Lack {
        /// What that costs.
        costs: String,
        /// What mends it.
        mend: Mend,
    },
}

/// What is looked at, in the order in which it is shown.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Area {
    /// The kernel, and what the grader needs of it.
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

    /// Whether a lack here can be the reason why nothing is judged.
    fn can_stop_all(self) -> bool {
        !matches!(self, Area::Ids | Area::Cgroups | Area::Linking | Area::Typing)
    }
}

/// Looks at everything; `limit`: how long one trial on a decoy host may take. The calling process must have one
/// thread.
///
/// # Errors
/// The person interrupted it.
pub fn examine(limit: Duration) -> Result<MachineFacts> {
    let decoys = decoys::all(limit)?;
    Ok(MachineFacts { decoys, ..look::facts() })
}
