//! The last call of every container.

use crate::error::{Error, Result};
use nix::unistd::execvp;
use std::convert::Infallible;
use std::ffi::CString;

/// Becomes the command: execvp(3), so a name without a slash is looked up on `PATH`, inside the new root.
///
/// # Errors
/// The command can't be executed. The lab then exits with 255, as the article's program does.
pub fn exec(command: &[CString]) -> Result<Infallible> {
    let program = command.first().map_or(c"", CString::as_c_str);
    execvp(program, command).map_err(|reason| Error {
        what: program.to_string_lossy().into_owned(),
        reason,
        exit: 255,
    })
}
