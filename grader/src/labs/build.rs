//! Building the labs with cargo.
//!
//! Each lab is linked statically where that works: such a program starts a third of a millisecond sooner, and
//! needs no loader. The flag goes on `cargo rustc`, on the lab's own binary alone: with `--target` or in
//! `RUSTFLAGS` it would build every dependency a second time.

use super::cargo::cargo;
use super::process::{self, Output, Stop};
use super::{Workspace, offline, target_dir};
use crate::beneath::Directory;
use crate::caller::Caller;
use crate::text;
use anyhow::{Context, Result, bail, ensure};
use nix::sys::stat::SFlag;
use std::ffi::OsString;
use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

/// A lab as a program.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct BuiltLab {
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
pub fn build(workspace: &Workspace, labs: &[&str], out: &Path) -> Result<Vec<BuiltLab>> {
    build_with(&[], workspace, labs, out)
}

/// As [`build`], with further options for cargo: `--release`.
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
    let mut all = target_dir::options(workspace.root())?;
    all.extend(options.iter().map(OsString::from));
    let build_one = |lab: &&str| {
        let made = build_lab(&all, workspace, lab, &mut linked)?;
        let program = out.join(lab);
        set_aside(&made, &program)
            .with_context(|| format!("can't put {} into {}", made.display(), out.display()))?;
        Ok(BuiltLab { name: lab.to_string(), program, linked })
    };
    labs.iter().map(build_one).collect()
}

/// Whether `labs` build.
///
/// # Errors
/// As [`build`].
pub fn check(workspace: &Workspace, labs: &[&str]) -> Result<()> {
    let options = target_dir::options(workspace.root())?;
    let mut linked = Linked::Static;
    labs.iter().try_for_each(|lab| build_lab(&options, workspace, lab, &mut linked).map(drop))
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

/// Gives the program a name that cargo doesn't know, since `cargo build` and `cargo rustc` write the same file. `made`
/// is what cargo's messages say, and a macro of the lab's may write some: under sudo it is opened with the rights of
/// the caller, and anything but a program is an error.
///
/// # Errors
/// What the system said.
pub fn set_aside(made: &Path, program: &Path) -> Result<()> {
    let open = || {
        let (parent, name) = (made.parent().context("no file")?, made.file_name().context("no file")?);
        let found = Directory::open(parent)?.entry(name)?;
        ensure!(found.is(SFlag::S_IFREG) && found.stat.st_mode & 0o111 != 0, "that is no program");
        let file = found.read()?;
        Ok((found, file))
    };
    let (found, mut file) = match Caller::of_sudo()? {
        Some(caller) => caller.does(open)??,
        None => open()?,
    };
    let directory = Directory::open(program.parent().context("no directory")?)?;
    let name = program.file_name().context("no name")?;
    match directory.remove(name) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error.into()),
        _ => {}
    }
    // Cargo replaces its file, and never writes into it. A copy would be open for writing for a moment, and a
    // fork in another thread would keep it so: "Text file busy".
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
