//! A file for a person to keep, written so that a full disk leaves no half of it.

use crate::labs::caller::Caller;
use anyhow::{Context, Result};
use std::fs::{self, OpenOptions};
use std::io::Write;
use std::path::Path;

/// Writes a file beside its place, and renames it. Under sudo it is the caller's.
///
/// # Errors
/// What the system said; what was at the place before is then as it was.
pub fn file(path: &Path, bytes: &[u8]) -> Result<()> {
    let mut name = path.file_name().context("that names no file")?.to_owned();
    name.push(format!(".{}.part", std::process::id()));
    let beside = path.with_file_name(name);
    let written = || -> Result<()> {
        // Not where a link leads that somebody has put there.
        let mut file = OpenOptions::new().write(true).create_new(true).open(&beside)?;
        file.write_all(bytes)?;
        if let Some(caller) = Caller::of_sudo()? {
            caller.owns(&beside)?;
        }
        Ok(fs::rename(&beside, path)?)
    };
    written().inspect_err(|_| drop(fs::remove_file(&beside)))
}
