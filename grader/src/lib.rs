//! The grader: runs real escape attempts inside a container and says, from what the host saw, which were
//! blocked.
//!
//! # Layout
//! From the bottom up: each module uses only those before it (`tests/source/layers.rs` checks this).
//! - Small, used by all: [`random`], [`proc`]: what the kernel says of processes, [`path_bytes`]: paths in messages. [`text`]: sanitizes what others wrote.
//!   [`interrupts`]: the signals by which a person ends the grader. [`this_process`]: changes to the calling process.
//!   [`channel`]: messages between processes. [`caller`]: who called sudo. [`beneath`]: files below a directory, no
//!   link leads out. [`atomic_write`]: writes a file atomically. [`cache_dir`]: the cache directory.
//! - [`report`]: targets and checks: typed data alone.
//! - [`rootfs`]: makes and checks a root file system. [`labs`]: the labs, their steps, and how they are built.
//! - [`decoy`]: the decoy host; it uses no attempt. [`target`]: the program under test.
//! - [`trial`]: runs one check on one target, and collects facts.
//! - [`judge`]: facts to verdicts and points. [`formats`]: writes a report, one file a format.
//! - [`runner`]: runs trials in workers, and makes reports. [`doctor`]: what can be judged on this machine.
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
pub mod proc;
pub mod random;
pub mod report;
pub mod rootfs;
pub mod runner;
pub mod student;
pub mod target;
pub mod text;
pub mod this_process;
pub mod trial;
