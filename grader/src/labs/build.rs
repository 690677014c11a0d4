//! Building the labs with cargo.
//!
//! Each lab is linked statically where possible: such a program starts a third of a millisecond sooner, and needs no
//! loader. The flag is given to `cargo rustc` for the lab's own binary only: with `--target` or in `RUSTFLAGS` it would
//! build every dependency a second time.

use super::cargo::cargo;
use super::process::{self, Output, Stop};
use super::target_dir::TargetDir;
use super::{Workspace, offline};
use crate::beneath::Directory;
use crate::caller::as_caller;
use crate::text;
use anyhow::{Context, Result, bail, ensure};
use nix::sys::stat::SFlag;
use std::ffi::OsString;
use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

/// A lab that was built.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct BuiltLab {
    /// The lab's name.
    pub name: String,
    /// The program: a separate file, which no later build overwrites.
    pub program: PathBuf,
    /// How it was linked.
    pub linked: Linked,
}

/// How a program is linked with the C library.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Linked {
    /// Statically.
    Static,
    /// Dynamically: on this machine the C library can't be linked statically (no `libc.a`).
    Dynamic,
}

/// Static, at a fixed address: a position-independent program would relocate its own pointers at the start, and copy
/// the pages that contain them (1 or 2 % of a start).
const STATIC: [&str; 5] = ["--", "-C", "target-feature=+crt-static", "-C", "relocation-model=static"];

/// Builds `labs`, and puts each program into the directory `out`, which is created if missing.
///
/// Under sudo cargo runs as the caller, so that no file in `target/` belongs to root.
///
/// # Errors
/// Cargo can't be run, a lab does not compile (cargo has then printed why on standard error), `out` can't be written,
/// or [`Interrupted`].
pub fn build(workspace: &Workspace, labs: &[&str], out: &Path) -> Result<Vec<BuiltLab>> {
    build_with(&[], workspace, labs, out)
}

/// [`build`] with further options for cargo: `--release`.
///
/// # Errors
/// Those of [`build`].
pub fn build_with(
    options: &[&str],
    workspace: &Workspace,
    labs: &[&str],
    out: &Path,
) -> Result<Vec<BuiltLab>> {
    fs::create_dir_all(out).with_context(|| format!("can't make the directory {}", out.display()))?;
    let mut linked = Linked::Static;
    let place = TargetDir::take(workspace.root(), &Stop::default())?;
    let mut all = place.options();
    all.extend(options.iter().map(OsString::from));
    let build_one = |lab: &&str| {
        let made = build_lab(&all, workspace, lab, &mut linked)?;
        let program = out.join(lab);
        set_aside(&made, &program)
            .with_context(|| format!("can't put {} into {}", made.display(), out.display()))?;
        Ok(BuiltLab { name: lab.to_string(), program, linked })
    };
    let built = labs.iter().map(build_one).collect();
    place.done();
    built
}

/// Checks that `labs` build.
///
/// # Errors
/// See [`build`].
pub fn check(workspace: &Workspace, labs: &[&str]) -> Result<()> {
    let place = TargetDir::take(workspace.root(), &Stop::default())?;
    let (options, mut linked) = (place.options(), Linked::Static);
    let built = labs.iter().try_for_each(|lab| build_lab(&options, workspace, lab, &mut linked).map(drop));
    place.done();
    built
}

/// Builds one lab and returns the file that cargo made. If static linking fails, `linked` becomes dynamic, also for the
/// labs after this one.
fn build_lab(options: &[OsString], workspace: &Workspace, lab: &str, linked: &mut Linked) -> Result<PathBuf> {
    if *linked == Linked::Static {
        let built = rustc(options, workspace, lab, Linked::Static)?;
        if built.status.success() {
            // Print warnings.
            say(&built);
            return executable(lab, &built.stdout);
        }
        if offline::is_why(&String::from_utf8_lossy(&built.stderr)) {
            say(&built);
            bail!("{lab} was not built: {}", offline::WAY_OUT);
        }
    }
    // Linking or compilation failed. If compilation, this second build fails too, and cargo prints why, once.
    let built = rustc(options, workspace, lab, Linked::Dynamic)?;
    say(&built);
    ensure!(built.status.success(), "{lab} does not compile: see above, in {}", workspace.lab(lab).display());
    *linked = Linked::Dynamic;
    executable(lab, &built.stdout)
}

/// Prints cargo's messages, sanitized, since they quote the source.
fn say(built: &Output) {
    text::say(text::lines(&String::from_utf8_lossy(&built.stderr)).trim_end_matches('\n'));
}

fn rustc(options: &[OsString], workspace: &Workspace, lab: &str, linked: Linked) -> Result<Output> {
    let quiet = ["--quiet", "--message-format=json-render-diagnostics"].map(OsString::from);
    let options = [&quiet, options].concat();
    let cargo = command(&options, workspace, lab, linked)?;
    process::run(cargo, &Stop::default()).map_err(|error| {
        // Otherwise it ran, and the error says the rest.
        let is_missing = error.downcast_ref::<io::Error>().is_some();
        let rust = if is_missing { "; is Rust installed? See https://rustup.rs" } else { "" };
        error.context(format!("{lab} was not built{rust}"))
    })
}

/// The cargo command that builds one lab, with further options, among them those of [`TargetDir`]. Its standard input
/// is empty.
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

/// The lab's program as named in cargo's messages: only cargo knows its path, since the target directory may be
/// configured.
///
/// # Errors
/// No message names it.
pub fn executable(lab: &str, messages: &[u8]) -> Result<PathBuf> {
    let made = String::from_utf8_lossy(messages).lines().find_map(|line| {
        let message: serde_json::Value = serde_json::from_str(line).ok()?;
        let is_lab = message["reason"] == "compiler-artifact" && message["target"]["name"] == lab;
        message["executable"].as_str().filter(|_| is_lab).map(PathBuf::from)
    });
    made.with_context(|| format!("cargo built {lab} but named no program"))
}

/// Gives the program a name that cargo does not use, since `cargo build` and `cargo rustc` write the same file. `made`
/// comes from cargo's messages, which a macro of the lab may forge: under sudo it is opened with the rights of the
/// caller, and must be an executable regular file.
///
/// # Errors
/// From the system.
pub fn set_aside(made: &Path, program: &Path) -> Result<()> {
    let open = || {
        let (parent, name) = (made.parent().context("no file")?, made.file_name().context("no file")?);
        let found = Directory::open(parent)?.entry(name)?;
        ensure!(found.is(SFlag::S_IFREG) && found.stat.st_mode & 0o111 != 0, "that is no program");
        let file = found.read()?;
        Ok((found, file))
    };
    let (found, mut file) = as_caller(open)?;
    let directory = Directory::open(program.parent().context("no directory")?)?;
    let name = program.file_name().context("no name")?;
    match directory.remove(name) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error.into()),
        _ => {}
    }
    // A hard link is safe, since cargo replaces its file and never writes into it. A copy would be open for writing for
    // a moment, and a fork in another thread would keep it so: "Text file busy".
    if directory.hard_link(name, &found).is_err() {
        io::copy(&mut file, &mut directory.create(name, 0o755)?)?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::os::unix::fs::PermissionsExt;

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
            assert!(set_aside(&made, &program).unwrap_err().to_string().contains("no program"));
            fs::set_permissions(&made, fs::Permissions::from_mode(0o755)).unwrap();
            set_aside(&made, &program).unwrap();
            fs::remove_file(&made).unwrap();
            assert_eq!(fs::read_to_string(&program).unwrap(), content);
        }
    }

    #[test]
    fn what_is_no_program_is_not_set_aside() {
        let directory = tempfile::tempdir().unwrap();
        let at = |name: &str| directory.path().join(name);
        std::os::unix::fs::symlink("/bin/sh", at("link")).unwrap();
        nix::unistd::mkfifo(&at("fifo"), nix::sys::stat::Mode::S_IRWXU).unwrap();
        fs::write(at("program"), "the one before").unwrap();
        for name in ["link", "fifo", "missing"] {
            set_aside(&at(name), &at("program")).unwrap_err();
        }
        assert_eq!(fs::read_to_string(at("program")).unwrap(), "the one before");
    }
}
