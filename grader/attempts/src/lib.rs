//! The checks: escape attempts, and what a container must still do.
//!
//! Each is one file with both halves in it. The *inside* half runs in the container, as the command that the
//! program under test was asked to start. The *witness* is computed from what the host saw for itself.
//!
//! # Layout
//! - [`attempts`]: the list of attempts, in teaching order, one file each.
//! - [`works`]: the list of works checks.
//! - [`attacker`]: the container's own command, whose system calls the host makes. [`refusals`]: which errno refuses.
//! - [`inside`]: what an inside half has at hand, and how it talks to the host.
//! - [`host`]: the facts that a witness reads: a plain record.
//! - [`rules`]: the rules of the judge, as a test can leave them out.
//! - [`capabilities`]: which capabilities a container may have.
//! - [`victim`]: the process that is there to be attacked.
//! - [`wire`]: the words that probe and host exchange.

// `println` and `eprintln` panic where the stream is closed or full.
#![warn(clippy::print_stdout, clippy::print_stderr)]

pub mod attacker;
pub mod attempts;
pub mod capabilities;
pub mod host;
pub mod inside;
pub mod refusals;
pub mod rules;
pub mod victim;
pub mod wire;
pub mod works;

pub use attacker::Attacker;
pub use host::{Host, Seen};
pub use inside::Inside;
