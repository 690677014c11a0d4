//! The grader: runs real escape attempts inside a container and says, from what the host saw, which were
//! blocked.
pub mod decoy;
pub mod target;
pub mod trial;
