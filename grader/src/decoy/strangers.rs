//! Processes that a program has left behind, and that had to be ended before the next one was started.

use std::cell::Cell;

/// Processes that programs have left behind.
#[derive(Default)]
pub struct Strangers {
    /// How many there were.
    pub count: Cell<usize>,
    /// Whether those of the last start are not its program's fault.
    pub excused: Cell<bool>,
}

impl Strangers {
    /// Notes those that were there when the next program was started.
    pub fn add(&self, strangers: usize) {
        let more = if self.excused.take() { 0 } else { strangers };
        self.count.set(self.count.get() + more);
    }
}
