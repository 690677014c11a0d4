//! `probe <socket>`: runs the inside half of a check, as the command of the container under test.

use std::process::ExitCode;

fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().collect();
    attempts::inside::probe(&arguments)
}
