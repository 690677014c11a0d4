//! The labs' command lines, each run as root and as an ordinary user.
//!
//! # Layout
//! - [`stage`]: what a test starts from: a lab, a person who runs it, a root file system of that person's.
//! - [`running`]: a lab whose command runs, spoken to over its streams.
//! - [`host`]: what the host looks like, before and after.
//! - [`fault`]: a program that faults.
//! - [`usage`], [`endings`], [`signals`], [`killed`], [`streams`], [`directories`], [`links`], [`namespaces`], [`traces`]: the tests.
//!
//! `CONTAINER_LABS_PROGRAMS=DIR` tests the programs in that directory and builds nothing: for a user who has
//! no cargo.

mod directories;
mod endings;
mod fault;
mod host;
mod killed;
mod links;
mod namespaces;
mod running;
mod signals;
mod stage;
mod streams;
mod traces;
mod usage;
