//! Lab 3: pivot_root. Nothing of the host is left in the container, neither its tree nor what a process
//! inherits.
//!
//! # Layout
//! - [`root`]: the root itself, and the host's tree gone.
//! - [`inherited`]: descriptors, environment, session.
//!
//! What only one step uses stands inside it, and what many use is in [`common::prelude`]: so the lab compiles without
//! a warning whichever of its steps are out.

pub mod inherited;
pub mod root;
