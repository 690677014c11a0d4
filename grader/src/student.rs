//! Commands for students.
//!
//! - [`starter`]: a student's workspace.
//! - [`lab_progress`]: which steps of a lab are written, which pass, and the one to turn to next.
//! - [`progress_file`]: what earlier runs have shown.
//! - [`summary`]: both, printed below the matrix.
//! - [`watch`](mod@watch): builds and grades on save.
//! - [`pack`]: packs a submission, and checks one.

pub mod lab_progress;
pub mod pack;
pub mod progress_file;
pub mod starter;
pub mod summary;
pub mod watch;
