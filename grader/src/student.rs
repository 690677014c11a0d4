//! What students use.
//!
//! - [`starter`]: a student's workspace.
//! - [`lab_progress`]: which steps of a lab are written, which pass, and the one to turn to next.
//! - [`progress_file`]: what the student had reached before.
//! - [`summary`]: both, told below the matrix.
//! - [`watch`](mod@watch): builds and grades on save.
//! - [`pack`]: a submission, and reading one back.

pub mod lab_progress;
pub mod pack;
pub mod progress_file;
pub mod starter;
pub mod summary;
pub mod watch;
