//! The grader: runs real escape attempts inside a container and says, from what the host saw, which were
//! blocked.
//!
//! # Layout
//! From the bottom up: each knows only what stands before it (`tests/source/layers.rs` holds them to it).
//! - Small, known to all: [`random`], [`path_bytes`]: paths in messages. [`text`]: what others have written, made fit to
//!   be shown. [`interrupts`]: the signals by which a person ends it. [`this_process`]: what a process does to itself.
//!   [`channel`]: messages between processes. [`caller`]: who called sudo. [`beneath`]: files below a directory, whatever
//!   links are there. [`atomic_write`]: writes a file atomically. [`cache_dir`]: the cache directory.
//! - [`report`]: what is known of targets and checks: typed data alone.
//! - [`rootfs`]: makes and checks a root file system. [`labs`]: the labs, their steps, and how they are built.
//! - [`decoy`]: the decoy host. It knows no attempt. [`target`]: what is aimed at.
//! - [`trial`]: one target and one check, to facts.
//! - [`judge`]: facts to verdicts and points. [`formats`]: a report to words: one file a format.
//! - [`runner`]: runs trials in workers, and makes reports. [`doctor`]: what this machine can judge.
//! - [`student`]: starter, watch, progress, pack. [`commands`]: one file a command.

// `println` and `eprintln` panic where the stream is closed or full.
#![warn(clippy::print_stdout, clippy::print_stderr)]

pub mod atomic_write;
pub mod beneath;
pub mod cache_dir;
pub mod caller;
pub mod channel;
pub mod commands;
pub mod decoy;
pub mod doctor;
pub mod formats;
pub mod interrupts;
pub mod judge;
pub mod labs;
pub mod path_bytes;
pub mod random;
pub mod report;
pub mod rootfs;
pub mod runner;
pub mod student;
pub mod target;
pub mod text;
pub mod this_process;
pub mod trial;
