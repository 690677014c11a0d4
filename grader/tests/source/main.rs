//! What is asked of the sources alone: nothing is graded here.
//!
//! # Layout
//! - [`layers`]: who knows whom in the grader. [`disallowed`]: who changes files by a path.
//! - [`schema`]: the published schema, and the report's types.
//! - [`steps`]: the labs' steps, whichever of them are out.
//! - [`mutation`]: what counts as an exact knock-out.

#[path = "../common/mod.rs"]
mod common;
mod disallowed;
mod layers;
mod mutation;
mod schema;
mod steps;
