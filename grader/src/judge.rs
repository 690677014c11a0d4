//! From facts to what a person is told: nothing here looks at a machine.
//!
//! - [`verdict`]: the facts of one check to its outcome.
//! - [`prerequisites`]: which checks make no sense without which others, and the one to fix first.
//! - [`points`]: what counts how much.
//! - [`reached`]: how far a target has come.

pub mod points;
pub mod prerequisites;
pub mod reached;
pub mod verdict;
