//! Runs cargo and rustc as the grader's caller would, and reads cargo's metadata of a workspace.

use super::process::{self, Stop};
use crate::caller::Caller;
use crate::interrupts::Interrupted;
use anyhow::Result;
use std::env;
use std::ffi::OsString;
use std::path::Path;
use std::process::Command;

/// The result of `cargo metadata` for the workspace at `root`; none where cargo can't be run or fails.
///
/// # Errors
/// [`Interrupted`].
pub fn metadata(root: &Path) -> Result<Option<serde_json::Value>> {
    let Ok(mut cargo) = cargo() else { return Ok(None) };
    cargo.args(["metadata", "--no-deps", "--offline", "--format-version=1"]);
    cargo.current_dir(root);
    match process::run(cargo, &Stop::default()) {
        // Its output is one JSON text, or empty.
        Ok(output) => Ok(serde_json::from_slice(&output.stdout).ok()),
        Err(error) if error.is::<Interrupted>() => Err(error),
        Err(_) => Ok(None),
    }
}

/// Cargo, as the grader's caller would run it.
///
/// # Errors
/// Those of [`Caller::of_sudo`].
pub fn cargo() -> Result<Command> {
    // Cargo sets `CARGO` to its own path for its child processes.
    tool("cargo", "CARGO")
}

/// A Rust tool, as the grader's caller would run it: from an environment variable, or by its name.
///
/// # Errors
/// Those of [`Caller::of_sudo`].
pub fn tool(name: &str, variable: &str) -> Result<Command> {
    let named = || env::var_os(variable).unwrap_or(name.into());
    let Some(caller) = Caller::of_sudo()? else { return Ok(Command::new(named())) };
    // sudo's PATH is root's, but rustup is in the user's home.
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
