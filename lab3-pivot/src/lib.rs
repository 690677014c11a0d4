//! Lab 3: pivot_root. Nothing of the host is left in the container, neither its tree nor what a process
//! inherits.
//!
//! # Layout
//! - [`root`]: the root itself, and the host's tree gone.
//! - [`inherited`]: descriptors, environment, session.

pub mod inherited;
pub mod root;
