//! What ends a run before its end: somebody in another thread.

use anyhow::{Context, Result};
use nix::sys::eventfd::{EfdFlags, EventFd};
use std::sync::atomic::{AtomicU8, Ordering};

/// A run ended since it was told to: see [`Stopper`].
#[derive(Debug)]
pub struct Stopped;

impl std::fmt::Display for Stopped {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("stopped")
    }
}

impl std::error::Error for Stopped {}

/// Ends runs, from another thread than theirs.
pub struct Stopper {
    how: AtomicU8,
    pub(super) wake: EventFd,
}

pub(super) const GO_ON: u8 = 0;
pub(super) const START_NO_MORE: u8 = 1;
const LEAVE: u8 = 2;

impl Stopper {
    pub(super) fn new() -> Result<Stopper> {
        let flags = EfdFlags::EFD_CLOEXEC | EfdFlags::EFD_NONBLOCK;
        let wake = EventFd::from_value_and_flags(0, flags).context("eventfd(2)")?;
        Ok(Stopper { how: AtomicU8::new(GO_ON), wake })
    }

    /// A run ends as soon as the trials under way have ended, and the next ones before they begin.
    pub fn start_no_more(&self) {
        self.say(START_NO_MORE);
    }

    /// A run ends at once. The workers then serve for nothing but to be dropped.
    pub fn leave(&self) {
        self.say(LEAVE);
    }

    /// Runs are run again, to their end. None may be under way.
    pub fn go_on(&self) {
        self.how.store(GO_ON, Ordering::SeqCst);
        let _ = self.wake.read();
    }

    fn say(&self, how: u8) {
        self.how.fetch_max(how, Ordering::SeqCst);
        let _ = self.wake.write(1);
    }

    pub(super) fn how(&self) -> u8 {
        self.how.load(Ordering::SeqCst)
    }
}
