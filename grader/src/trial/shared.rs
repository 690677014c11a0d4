//! A decoy that serves for more than one trial.
//!
//! To make one costs more than the trial itself. So a worker keeps the decoy of its last trial for the next one of
//! the same target, as long as its host saw no change in it. Only where the program is this workspace's own, or none:
//! what another one did to the host it may have done so that nobody sees it.

use crate::decoy::Decoy;
use crate::target::{Target, What};
use std::cell::RefCell;

/// The decoy that was kept, and for which target.
#[derive(Default)]
pub struct Shared(RefCell<Option<(Target, Decoy)>>);

impl Shared {
    /// The decoy that was kept, if it is for this target.
    pub fn take(&self, target: &Target) -> Option<Decoy> {
        let (of, decoy) = self.0.take()?;
        (of == *target).then_some(decoy)
    }

    /// Keeps a decoy, unless anything has changed in it. Its program has ended.
    pub fn keep(&self, target: &Target, decoy: Decoy) {
        if may_serve(target) && decoy.settle() {
            self.0.replace(Some((target.clone(), decoy)));
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
