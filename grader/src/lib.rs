//! The grader.

pub mod dirs;
pub mod rootfs;
