//! `grader watch`, on a terminal and without one: what it shows after each save, and how it ends.
//!
//! # Layout
//! - [`pty`]: a terminal, and a program on it.
//! - [`student`]: a workspace, and saves in it.
//! - [`board`], [`plain`], [`builds`], [`ends`], [`way`]: the tests.

mod board;
mod builds;
mod ends;
mod plain;
mod pty;
mod student;
mod way;
