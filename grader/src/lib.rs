//! The grader: runs real escape attempts inside a container and says, from what the host saw, which were
//! blocked.
//!
//! # Layout
//! - [`decoy`]: the decoy host. It knows no attempt.
//! - [`target`]: what is aimed at. [`trial`]: one target and one check, to facts.
//! - [`rootfs`]: makes and checks a root file system. [`dirs`]: the cache directory.
//! - [`steps`]: the named steps in the labs' source. [`variant`]: a lab built without some of them.

pub mod decoy;
pub mod dirs;
pub mod labs;
pub mod rootfs;
pub mod steps;
pub mod target;
pub mod trial;
pub mod variant;
