//! What is watched, and how.

use crate::labs::Workspace;
use crate::labs::steps::Step;
use crate::report::DecoyKind;
use attempts::attempts::Attempt;
use std::path::PathBuf;
use std::time::Duration;

/// The parameters of a watch.
pub struct Setting {
    /// The workspace.
    pub workspace: Workspace,
    /// The first lab, by its number.
    pub lab: usize,
    /// The kind of decoy host.
    pub decoy: DecoyKind,
    /// The attempts to run, of those that the lab must block.
    pub attempts: Vec<&'static Attempt>,
    /// Whether the works checks run.
    pub works: bool,
    /// Poll the files.
    pub poll: bool,
    /// The timeout of a build.
    pub build_limit: Duration,
    /// Context of the pages.
    pub context: PageContext,
    /// The reference steps.
    pub reference: Vec<Step>,
}

/// Context of the pages besides the state.
#[derive(Clone, Debug, Default)]
pub struct PageContext {
    /// The command that lets this machine judge more, where one is known.
    pub way_out: Option<String>,
    /// The root file system.
    pub rootfs: PathBuf,
}
