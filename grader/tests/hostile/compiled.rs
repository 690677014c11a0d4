//! The hostile programs, compiled once.

use crate::caller::sources;
use crate::common::stage::skip;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

/// One of them by its name, `hog-keys` of `hog.c`. None, and a line that says why, where there is no compiler.
pub fn program(name: &str) -> Option<PathBuf> {
    let source = sources().join(name.split('-').next().unwrap()).with_extension("c");
    let directory = Path::new(env!("CARGO_TARGET_TMPDIR")).join("hostile");
    fs::create_dir_all(&directory).unwrap();
    let program = directory.join(name);
    // Static, so that it runs in any root file system; where there is no static C library it is not asked to.
    let compile = |linked: &[&str]| {
        let mut cc = Command::new("cc");
        cc.args(["-O1", "-Wall", "-Wextra", "-Werror", "-Wno-unused-result", "-Wno-format-truncation"]);
        cc.args(linked).arg(&source).arg("-o").arg(&program).output()
    };
    let output = match compile(&["-static"]) {
        Ok(output) if output.status.success() => return Some(program),
        Ok(_) => compile(&[]),
        Err(error) => Err(error),
    };
    match output {
        Ok(output) => assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr)),
        Err(error) => {
            skip(&format!("needs a C compiler: {error}"));
            return None;
        }
    }
    Some(program)
}
