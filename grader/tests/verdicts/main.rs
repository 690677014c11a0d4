//! What the grader says of programs: labs, labs without steps, other people's programs, and cheats.
//!
//! # Layout
//! - [`matrix`]: each check in each lab. [`whole_way`]: the steps put back one at a time.
//! - [`falls_short`], [`broken`], [`held`]: for each check something that falls short of it, or holds it.
//! - [`fixtures`]: two programs of other people's making. [`by_hand`]: the commands of an attempt, typed.
//! - [`negative`]: things broken on purpose. [`cheats`]: programs that cheat.
//! - [`kernels`]: a lab on kernels that lack something.
//! - [`files`], [`image`]: the machine's files, and root file systems that are traps.

mod broken;
mod by_hand;
mod cheats;
#[path = "../common/mod.rs"]
mod common;
mod falls_short;
mod files;
mod fixtures;
mod held;
mod image;
mod kernels;
mod matrix;
mod negative;
mod whole_way;
