//! A decoy that serves for more than one trial.
//!
//! To make one costs more than the trial itself. So a worker keeps the decoy of its last trial for the next one of
//! the same target, as long as its host saw no change in it. Only where the program is this workspace's own, or none:
//! what another one did to the host it may have done so that nobody sees it.

use crate::decoy::Decoy;
use crate::target::{Target, What};
use std::cell::RefCell;
use std::fs;
use std::os::unix::fs::MetadataExt;
use std::path::Path;

/// The decoy that was kept, and for which target.
#[derive(Default)]
pub struct Shared(RefCell<Option<(Aim, Decoy)>>);

/// A target, and what its files were: who builds them anew aims at something else.
#[derive(PartialEq)]
struct Aim(Target, Vec<(u64, i64, i64)>);

impl Aim {
    fn at(target: &Target) -> Aim {
        let written = |file: &Path| fs::metadata(file).map(|it| (it.ino(), it.mtime(), it.mtime_nsec())).ok();
        Aim(target.clone(), target.files.iter().filter_map(|(file, _)| written(file)).collect())
    }
}

impl Shared {
    /// The decoy that was kept, if it is for this target.
    pub fn take(&self, target: &Target) -> Option<Decoy> {
        let (of, decoy) = self.0.take()?;
        (of == Aim::at(target)).then_some(decoy)
    }

    /// Keeps a decoy, unless anything has changed in it. Its program has ended.
    pub fn keep(&self, target: &Target, decoy: Decoy) {
        if may_serve(target) && decoy.settle() {
            self.0.replace(Some((Aim::at(target), decoy)));
        }
    }

    /// Ends the decoy that was kept.
    pub fn drop(&self) {
        self.0.take();
    }
}

/// Whether decoys of this target may serve for more than one trial.
pub fn may_serve(target: &Target) -> bool {
    matches!(target.what, What::Bare | What::Lab(_))
}
