//! The commands as a person runs them: what they say, what they leave, how they end.
//!
//! # Layout
//! - [`bad_input`], [`output`]: what is wrong, and what comes out. [`defaults`]: what is done without a word.
//! - [`doctor`], [`explain`], [`rootfs`], [`knockout`], [`starter`], [`pack`], [`watch`]: one command each.
//! - [`build_ends`]: a build that never ends. [`stale`]: what was built before.

mod bad_input;
mod build_ends;
#[path = "../common/mod.rs"]
mod common;
mod defaults;
mod doctor;
mod explain;
mod knockout;
mod output;
mod pack;
mod rootfs;
mod stale;
mod starter;
mod watch;
