//! From facts to verdicts and points. Nothing here reads the machine.
//!
//! - [`verdict`]: the facts of one check to its outcome.
//! - [`prerequisites`]: which checks depend on which others, and the one to fix first.
//! - [`points`]: how many points each check is worth.
//! - [`reached`]: the highest lab that a target passes.
//! - [`severity`]: what is worst in a program that is no lab.

pub mod points;
pub mod prerequisites;
pub mod reached;
pub mod severity;
pub mod verdict;
