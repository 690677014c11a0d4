//! The grader.

pub mod steps;
