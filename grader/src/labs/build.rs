//! Building the labs with cargo.
//!
//! Each lab is linked statically where that works: such a program starts a third of a millisecond sooner, and
//! needs no loader. The flag goes on `cargo rustc`, on the lab's own binary alone: with `--target` or in
//! `RUSTFLAGS` it would build every dependency a second time.

use super::caller::Caller;
use super::process::{self, Output, Stop};
use super::{Workspace, offline, target_dir};
use crate::text;
use crate::workers::Interrupted;
use anyhow::{Context, Result, bail, ensure};
use std::env;
use std::ffi::OsString;
use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

/// A lab as a program.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Built {
    /// The lab's name.
    pub name: String,
    /// The program: a file of its own, which no later build overwrites.
    pub program: PathBuf,
    /// How it was linked.
    pub linked: Linked,
}

/// How a program gets at the C library.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Linked {
    /// It holds it.
    Static,
    /// The loader brings it: on this machine the C library can't be linked statically (no `libc.a`).
    Dynamic,
}

/// Static, and at a fixed address: else the program would move all of its own pointers before it begins, and
/// copy the pages that hold them (1 or 2 % of a start).
const STATIC: [&str; 5] = ["--", "-C", "target-feature=+crt-static", "-C", "relocation-model=static"];

/// Builds `labs`, and puts each program into the directory `out`, which is made if it is missing.
///
/// Under sudo cargo runs as the user who called it, so that nothing in `target/` becomes root's.
///
/// # Errors
/// Cargo can't be run, a lab does not compile (cargo has then said why on standard error), `out` can't be written, or
/// [`Interrupted`].
pub fn build(workspace: &Workspace, labs: &[&str], out: &Path) -> Result<Vec<Built>> {
    build_with(&[], workspace, labs, out)
}

/// As [`build`], with further options for cargo: `--release`.
///
/// # Errors
/// Those of [`build`].
pub fn build_with(options: &[&str], workspace: &Workspace, labs: &[&str], out: &Path) -> Result<Vec<Built>> {
    fs::create_dir_all(out).with_context(|| format!("can't make the directory {}", out.display()))?;
    let mut linked = Linked::Static;
    let mut all = target_dir::options(workspace.root())?;
    all.extend(options.iter().map(OsString::from));
    let build_one = |lab: &&str| {
        let made = build_lab(&all, workspace, lab, &mut linked)?;
        let program = out.join(lab);
        set_aside(&made, &program)
            .with_context(|| format!("can't put {} into {}", made.display(), out.display()))?;
        Ok(Built { name: lab.to_string(), program, linked })
    };
    labs.iter().map(build_one).collect()
}

/// Builds one lab and returns the file that cargo made. Where static linking fails, `linked` says so from then
/// on, and the labs after this one don't try it again.
fn build_lab(options: &[OsString], workspace: &Workspace, lab: &str, linked: &mut Linked) -> Result<PathBuf> {
    if *linked == Linked::Static {
        let built = rustc(options, workspace, lab, Linked::Static)?;
        if built.status.success() {
            // Warnings, if there are any.
            say(&built);
            return executable(lab, &built.stdout);
        }
        if offline::is_why(&String::from_utf8_lossy(&built.stderr)) {
            say(&built);
            bail!("{lab} was not built: {}", offline::WAY_OUT);
        }
    }
    // Not linked, or not compiled? If the second, this fails as well, and cargo says why, once.
    let built = rustc(options, workspace, lab, Linked::Dynamic)?;
    say(&built);
    ensure!(built.status.success(), "{lab} does not compile: see above, in {}", workspace.lab(lab).display());
    *linked = Linked::Dynamic;
    executable(lab, &built.stdout)
}

/// What cargo said, to the person. It quotes the source.
fn say(built: &Output) {
    text::say(text::lines(&String::from_utf8_lossy(&built.stderr)).trim_end_matches('\n'));
}

fn rustc(options: &[OsString], workspace: &Workspace, lab: &str, linked: Linked) -> Result<Output> {
    let quiet = ["--quiet", "--message-format=json-render-diagnostics"].map(OsString::from);
    let options = [&quiet, options].concat();
    let cargo = command(&options, workspace, lab, linked)?;
    process::run(cargo, &Stop::default()).map_err(|error| {
        // Else it ran, and what it met is said.
        let is_missing = error.downcast_ref::<io::Error>().is_some();
        let rust = if is_missing { "; is Rust installed? See https://rustup.rs" } else { "" };
        error.context(format!("{lab} was not built{rust}"))
    })
}

/// How cargo is called to build one lab, with further options, among them those of [`target_dir`]. It reads nothing.
///
/// # Errors
/// Those of [`cargo`].
pub fn command(options: &[OsString], workspace: &Workspace, lab: &str, linked: Linked) -> Result<Command> {
    let flags: &[&str] = if linked == Linked::Static { &STATIC } else { &[] };
    let mut cargo = cargo()?;
    cargo.args(["rustc", "--package", lab, "--bin", lab]).args(options).args(flags);
    cargo.current_dir(workspace.root()).stdin(Stdio::null());
    Ok(cargo)
}

/// The file that cargo's messages name as the lab's program. Where it lies is for cargo to say: the target
/// directory may be configured.
///
/// # Errors
/// They name none.
pub fn executable(lab: &str, messages: &[u8]) -> Result<PathBuf> {
    let made = String::from_utf8_lossy(messages).lines().find_map(|line| {
        let message: serde_json::Value = serde_json::from_str(line).ok()?;
        let is_lab = message["reason"] == "compiler-artifact" && message["target"]["name"] == lab;
        message["executable"].as_str().filter(|_| is_lab).map(PathBuf::from)
    });
    made.with_context(|| format!("cargo built {lab} but named no program"))
}

/// Gives the program a name that cargo doesn't know, since `cargo build` and `cargo rustc` write the same file.
///
/// # Errors
/// What the system said.
pub fn set_aside(made: &Path, program: &Path) -> io::Result<()> {
    match fs::remove_file(program) {
        Err(e) if e.kind() != io::ErrorKind::NotFound => return Err(e),
        _ => {}
    }
    // Cargo replaces its file, and never writes into it. A copy would be open for writing for a moment, and a
    // fork in another thread would keep it so: "Text file busy".
    fs::hard_link(made, program).or_else(|_| fs::copy(made, program).map(drop))
}

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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn cargo_says_where_the_program_is() {
        let messages = br#"
            {"reason":"compiler-artifact","target":{"name":"common"},"executable":null}
            {"reason":"compiler-artifact","target":{"name":"lab0-chroot"},"executable":"/target/debug/lab0-chroot"}
            {"reason":"build-finished","success":true}"#;
        assert_eq!(executable("lab0-chroot", messages).unwrap(), Path::new("/target/debug/lab0-chroot"));
        assert!(executable("lab1-namespaces", messages).is_err());
    }

    #[test]
    fn what_is_set_aside_replaces_what_was_there() {
        let directory = tempfile::tempdir().unwrap();
        let (made, program) = (directory.path().join("made"), directory.path().join("program"));
        for content in ["one", "two"] {
            fs::write(&made, content).unwrap();
            set_aside(&made, &program).unwrap();
            fs::remove_file(&made).unwrap();
            assert_eq!(fs::read_to_string(&program).unwrap(), content);
        }
    }
}
