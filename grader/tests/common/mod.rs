//! What the grader's own tests share.
//!
//! # Layout
//! - [`stage`]: what a test starts from: a person, a grader of that person's, and a directory for this test alone.
//! - [`programs`]: the programs that are graded.
//! - [`broken`]: programs that fall short of a works check.
//! - [`cheats`]: programs that cheat.
//! - [`machine`]: what a grader could leave behind on this machine, and that it did not.
//! - [`way`]: the way of a student, step by step, as `steps.toml` predicts it.
//! - [`ends`]: what a test program that is killed would leave.
//! - [`confined`]: graders in small surroundings: a full disk, no user namespaces, shared mounts.
//! - [`warm`]: a target directory for workspaces that tests make. [`variants`]: labs without some of their steps.
//!
//! `CONTAINER_LABS_PROGRAMS=DIR` takes the programs from that directory and builds nothing: for a user who has
//! no cargo. The tests of a user who has put them into `programs` below `CARGO_TARGET_TMPDIR`.

// Each test program uses its part of this.
#![allow(dead_code)]

pub mod broken;
pub mod cheats;
pub mod confined;
pub mod ends;
pub mod machine;
pub mod programs;
pub mod stage;
pub mod variants;
pub mod warm;
pub mod way;
