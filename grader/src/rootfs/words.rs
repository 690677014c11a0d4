//! What the messages of a check have in common.

/// How a message of a check begins, and what it says to do.
pub(super) struct Words {
    /// What can't be done: `cannot use DIR as a root file system`.
    pub what: String,
    /// What else can be.
    pub way_out: &'static str,
}
