//! What every lab shares. Nothing here knows a lab.
//!
//! # Layout
//! - [`args`]: the command line: what is the same for every lab, and the options that a lab has of its own.
//! - [`child`]: starts the container's first process, forwards signals to it, waits for it.
//! - [`user`]: the user namespace that a lab needs when nobody is root, and its id maps.
//! - [`exec`]: the last call of every container.
//! - [`error`]: a step that failed, and why. [`optional`]: one without which the rest goes on.
//! - [`prelude`]: the names that most steps use.

// `println` and `eprintln` panic where the stream is closed or full.
#![warn(clippy::print_stdout, clippy::print_stderr)]

pub mod args;
pub mod child;
pub mod error;
pub mod exec;
pub mod optional;
pub mod prelude;
pub mod user;

pub use args::{Args, LabOption};
pub use child::Child;
pub use error::{Error, Result, Step};
pub use exec::exec;

use child::Ended;
use std::fmt::Display;
use std::io::Write;
use std::process::ExitCode;

/// A lab from its command line to its exit code.
///
/// `options` are those that it takes besides the ones of every lab, as data: see [`args`]. `container` starts the container and returns how its command ended. Standard error gets one line:
/// how the command ended (not with `--quiet`), or the step that failed. Exit code: the command's own;
/// 128 + N where signal N ended it; 1 where the container could not be made; 255 where the command could
/// not be executed.
pub fn run(lab: &str, options: &[LabOption], container: impl FnOnce(&Args) -> Result<Ended>) -> ExitCode {
    let options = [&[args::QUIET], options].concat();
    let args = match Args::parse(lab, &options, std::env::args_os().skip(1)) {
        Ok(args) => args,
        Err(stop) => return stop.report(),
    };
    match container(&args) {
        Ok(ended) => {
            if !args.has(&args::QUIET) {
                tell(&mut std::io::stderr(), &ended);
            }
            ended.exit_code()
        }
        Err(error) => {
            tell(&mut std::io::stderr(), &format_args!("{lab}: {error}"));
            ExitCode::from(error.exit)
        }
    }
}

/// Writes a line for the person. Who has closed the stream, or has no room in it, wants none: the exit code still
/// says how it ended. (`eprintln` panics there, and exits with 101.)
fn tell(stream: &mut impl Write, line: &impl Display) {
    let _ = writeln!(stream, "{line}");
}
