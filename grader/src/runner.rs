//! Runs trials and makes reports.
//!
//! - [`grading`]: a whole run, up to its report.
//! - [`knockout`]: mutation testing: grades each lab without one of its steps.
//! - [`workers`]: the processes in which trials run.
//! - [`keeper`]: a process that outlives the grader, and removes what the grader leaves behind.

pub mod grading;
pub mod keeper;
pub mod knockout;
pub mod workers;
