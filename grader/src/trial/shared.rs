//! A decoy that serves for more than one trial.
//!
//! To make one costs more than the trial itself. So a worker keeps the decoy of its last trial for the next one of
//! the same target, as long as its host saw no change in it. Only where the program is this workspace's own, or none:
//! what another one did to the host it may have done so that nobody sees it.

use crate::decoy::{Decoy, Ground};
use crate::target::{Target, What};
use attempts::host::Ending;
use std::cell::RefCell;
use std::fs;
use std::os::unix::fs::MetadataExt;
use std::path::Path;

/// What was kept, and for which target.
#[derive(Default)]
pub struct Shared(RefCell<Option<(Aim, Kept)>>);

enum Kept {
    /// A decoy in which nothing has changed.
    Decoy(Box<Decoy>),
    /// What one that has ended stood on.
    Ground(Ground),
}

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
        match self.0.take()? {
            (of, Kept::Decoy(decoy)) if of == Aim::at(target) => Some(*decoy),
            kept => {
                self.0.replace(Some(kept));
                None
            }
        }
    }

    /// What the decoy that was kept stands on; it ends, and nothing is kept after that.
    pub fn take_ground(&self, target: &Target) -> Option<Ground> {
        let (of, kept) = self.0.take()?;
        if of != Aim::at(target) {
            return None;
        }
        match kept {
            Kept::Decoy(decoy) => decoy.leave_ground(),
            Kept::Ground(ground) => Some(ground),
        }
    }

    /// Keeps a decoy whose programs have all ended; if anything has changed in it, only what it stood on.
    pub fn keep(&self, target: &Target, decoy: Decoy) {
        if !may_serve(target) {
            return;
        }
        let kept = match decoy.ending() == Ending::None && decoy.settle() {
            true => Some(Kept::Decoy(decoy.into())),
            false => decoy.leave_ground().map(Kept::Ground),
        };
        self.0.replace(kept.map(|kept| (Aim::at(target), kept)));
    }
}

/// Whether decoys of this target may serve for more than one trial.
pub fn may_serve(target: &Target) -> bool {
    matches!(target.what, What::Bare | What::Lab(_))
}
