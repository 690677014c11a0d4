//! Cargo and rustc, as the person who called the grader would run them, and what cargo says of a workspace.

use super::process::{self, Stop};
use crate::caller::Caller;
use crate::interrupts::Interrupted;
use anyhow::Result;
use std::env;
use std::ffi::OsString;
use std::path::Path;
use std::process::Command;

/// What `cargo metadata` says of the workspace at `root`; none where cargo can't be run, or can't read it.
///
/// # Errors
/// [`Interrupted`].
pub fn metadata(root: &Path) -> Result<Option<serde_json::Value>> {
    let Ok(mut cargo) = cargo() else { return Ok(None) };
    cargo.args(["metadata", "--no-deps", "--offline", "--format-version=1"]);
    cargo.current_dir(root);
    match process::run(cargo, &Stop::default()) {
        // What it prints is JSON to its end, or nothing.
        Ok(output) => Ok(serde_json::from_slice(&output.stdout).ok()),
        Err(error) if error.is::<Interrupted>() => Err(error),
        Err(_) => Ok(None),
    }
}

/// Cargo, as the person who called the grader would run it.
///
/// # Errors
/// Those of [`Caller::of_sudo`].
pub fn cargo() -> Result<Command> {
    // Cargo sets `CARGO` to itself for what it runs.
    tool("cargo", "CARGO")
}

/// A tool of Rust's, as the person who called the grader would run it: the one that a variable names, or by its name.
///
/// # Errors
/// Those of [`Caller::of_sudo`].
pub fn tool(name: &str, variable: &str) -> Result<Command> {
    let named = || env::var_os(variable).unwrap_or(name.into());
    let Some(caller) = Caller::of_sudo()? else { return Ok(Command::new(named())) };
    // sudo's PATH is root's, and rustup lives in the user's home.
    let bin = caller.home().join(".cargo/bin");
    let own = bin.join(name);
    let program: OsString = if own.exists() { own.into() } else { named() };
    let path = env::var_os("PATH").unwrap_or_default();
    let path = env::join_paths([bin].into_iter().chain(env::split_paths(&path)))?;

    let mut command = Command::new(program);
    caller.runs(&mut command);
    command.env("PATH", path);
    Ok(command)
}
