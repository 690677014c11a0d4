//! The book and the code say the same: what a page names is there, what is there has a page, and what a page shows of a
//! command's output is what the command prints.
//!
//! # Layout
//! - [`pages`]: the pages as text: their steps, links, code blocks and tables.
//! - [`named`]: steps, links, attempts, labs and verdicts that a page names.
//! - [`catalogue`]: the page of all attempts, and the lists of what still escapes.
//! - [`kernels`]: the table of kernel features.
//! - [`shown`]: the commands that a page shows, run. [`dots`]: an output against what is shown of it.
//! - [`preprocessor`]: the program that quotes the steps.

#[path = "../common/mod.rs"]
mod common;

mod catalogue;
mod dots;
mod kernels;
mod named;
mod pages;
mod preprocessor;
mod readme;
mod shown;
