//! The grader.

pub mod labs;
