//! The attacker: the container's own command, found and seized by the host, which moves its hand.
//!
//! # Layout
//! - [`command`]: the program. [`find`]: which process it is. [`no_witness`]: or none can be said to be.
//! - [`prepare`]: it first takes what it may take. [`ways`]: back into the host's namespaces.
//! - [`hand`]: one system call after another. [`memory`]: what their pointers point to. [`registers`]: where their numbers
//!   and arguments are. [`instruction`]: what stands in no call of the command's. [`descriptors`]: what they are of.
//! - [`forms`]: what else a filter can read of a call. [`tries`]: each form is tried.
//! - [`mediators`]: those that a call may wait for. [`filtered`]: calls that are left out, since a filter kills for them.

pub mod command;
pub mod descriptors;
pub mod filtered;
pub mod find;
pub mod forms;
pub mod hand;
pub mod instruction;
pub mod mediators;
pub mod memory;
pub mod no_witness;
pub mod prepare;
pub mod registers;
mod tries;
pub mod ways;
