//! Writes a report, one file a format.

pub mod book;
pub mod explain;
pub mod json;
pub mod story;
pub mod table;
