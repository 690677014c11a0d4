//! Runs trials and makes reports of them.
//!
//! - [`grading`]: a whole run, to a report.
//! - [`knockout`]: each lab without one step, graded: how the grader itself is measured.
//! - [`workers`]: the processes in which trials run.
//! - [`keeper`]: the process that outlives the grader, and removes what it leaves behind.

pub mod grading;
pub mod keeper;
pub mod knockout;
pub mod workers;
