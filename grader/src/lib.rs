//! The grader: runs real escape attempts inside a container and says, from what the host saw, which were
//! blocked.
//!
//! # Layout
//! - [`commands`]: one file a command.
//! - [`target`]: what is aimed at. [`labs`]: the labs, and how they are built.
//! - [`decoy`]: the decoy host. It knows no attempt.
//! - [`doctor`]: what this machine can judge.
//! - [`trial`]: one target and one check, to facts. [`workers`] run trials; [`keeper`] outlives them.
//! - [`interrupts`]: the signals by which a person ends it. [`text`]: what others have written, made fit to be shown.
//! - [`verdict`]: facts to verdicts. [`grading`]: a whole run, to a report. [`report`]: one file a format.
//! - [`path_bytes`]: paths in messages. [`pack`]: a submission, and reading one back. [`replace`]: a file that is written whole or not at all.
//! - [`points`]: what counts how much. [`reached`]: how far a target has come. [`graph`]: which checks wait for which.
//! - [`rootfs`]: makes and checks a root file system. [`dirs`]: the cache directory.
//! - [`knockout`]: each lab without one step, graded: how the grader itself is measured.
//! - [`standing`]: where a student stands in a lab. [`progress`]: what the student had reached before.
//! - [`starter`]: a student's workspace.
//! - [`watch`](mod@watch): builds and grades on save.
//! - [`steps`]: the named steps in the labs' source. [`variant`]: a lab built without some of them.

// `println` and `eprintln` panic where the stream is closed or full.
#![warn(clippy::print_stdout, clippy::print_stderr)]

pub mod commands;
pub mod decoy;
pub mod dirs;
pub mod doctor;
pub mod grading;
pub mod graph;
pub mod interrupts;
pub mod keeper;
pub mod knockout;
pub mod labs;
pub mod pack;
pub mod path_bytes;
pub mod points;
pub mod progress;
pub mod reached;
pub mod replace;
pub mod report;
pub mod rootfs;
pub mod standing;
pub mod starter;
pub mod steps;
pub mod target;
pub mod text;
pub mod trial;
pub mod variant;
pub mod verdict;
pub mod watch;
pub mod workers;
