//! The grader.

pub mod steps;
pub mod variant;
