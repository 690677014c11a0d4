//! The grader.

pub mod dirs;
pub mod labs;
pub mod rootfs;
