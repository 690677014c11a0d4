//! A report to words or to data: one file a format.

pub mod book;
pub mod explain;
pub mod json;
pub mod story;
pub mod table;
