//! The checks: escape attempts, and what a container must still do.
//!
//! Each is one file with both halves in it. The *attack* is a row of system calls that the container's own command makes,
//! moved by the host. The *witness* is computed from what the host saw for itself.
//!
//! # Layout
//! - [`attempts`]: the list of attempts, in teaching order, one file each.
//! - [`works`]: the list of works checks.
//! - [`attacker`]: the container's own command, whose system calls the host makes. [`refusals`]: which errno refuses.
//! - [`host`]: the facts that a witness reads: a plain record.
//! - [`rules`]: the rules of the judge, as a test can leave them out.
//! - [`capabilities`]: which capabilities a container may have.
//! - [`victim`]: the process that is there to be attacked.

// `println` and `eprintln` panic where the stream is closed or full.
#![warn(clippy::print_stdout, clippy::print_stderr)]

pub mod attacker;
pub mod attempts;
pub mod capabilities;
pub mod host;
pub mod refusals;
pub mod rules;
pub mod victim;
pub mod works;

pub use attacker::Attacker;
pub use host::{Host, Seen};
