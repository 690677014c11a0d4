//! What the labs stand on: the compiler, and the libraries that are the same for every variant.

use crate::cache_dir::Key;
use crate::labs::cargo::{cargo, tool};
use crate::labs::process::{self, Output, Stop};
use crate::labs::target_dir::TargetDir;
use crate::text;
use anyhow::{Context, Result, bail};
use serde::Deserialize;
use std::collections::BTreeMap;
use std::ffi::OsStr;
use std::fs;
use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};
use std::process::Command;

/// The result of cargo's part.
#[derive(Debug)]
pub(super) struct Base {
    rustc: PathBuf,
    /// Each library by the name of its crate.
    pub(super) libraries: BTreeMap<String, PathBuf>,
    /// Where the libraries are that these libraries use.
    pub(super) dependencies: PathBuf,
    /// Made from the libraries: another compiler or another nix gives another key.
    pub(super) key: String,
}

/// A line of cargo's `--message-format=json`.
#[derive(Deserialize)]
struct BuildMessage {
    reason: String,
    target: Option<BuildTarget>,
    #[serde(default)]
    filenames: Vec<PathBuf>,
}

#[derive(Deserialize)]
struct BuildTarget {
    name: String,
    kind: Vec<String>,
}

impl Base {
    /// Has cargo build `common`, and takes from its report where the libraries are.
    pub(super) fn build(workspace: &Path) -> Result<Base> {
        let mut cargo = cargo()?;
        cargo.args(["build", "--quiet", "-p", "common", "--message-format=json-render-diagnostics"]);
        let place = TargetDir::take(workspace, &Stop::default())?;
        cargo.args(place.options()).current_dir(workspace);
        let report = succeed(cargo, &Stop::default());
        place.done();
        let report = report?;

        let mut libraries = BTreeMap::new();
        for line in report.stdout.split(|byte| *byte == b'\n') {
            let Ok(BuildMessage { reason, target: Some(target), filenames }) = serde_json::from_slice(line)
            else {
                continue;
            };
            let library = filenames.into_iter().find(|path| path.extension() == Some(OsStr::new("rlib")));
            if let Some(path) = library
                && reason == "compiler-artifact"
                && target.kind == ["lib"]
            {
                libraries.insert(target.name, path);
            }
        }
        let common = libraries.get("common").context("cargo built no library of `common`")?;
        let dependencies = common.with_file_name("deps");

        // A library's name has cargo's hash of compiler, version, features and profile in it; `common`, which anybody may
        // change, has none.
        let names = libraries.values().filter_map(|path| path.file_name());
        let mut key = Key::of(names.map(OsStr::as_bytes));
        key.add(fs::read(common).with_context(|| common.display().to_string())?);
        Ok(Base { rustc: rustc(workspace)?, libraries, dependencies, key: key.name() })
    }

    /// Runs rustc in `dir`, so that its messages name files as the workspace does.
    pub(super) fn rustc<S: AsRef<OsStr>>(
        &self,
        dir: &Path,
        arguments: impl IntoIterator<Item = S>,
        stop: &Stop,
    ) -> Result<()> {
        let mut rustc = Command::new(&self.rustc);
        rustc.args(arguments).current_dir(dir);
        succeed(rustc, stop).map(drop)
    }
}

/// The compiler that cargo used. Not just `rustc`: rustup chooses by the directory it is called in, and a
/// cache may lie elsewhere.
fn rustc(workspace: &Path) -> Result<PathBuf> {
    let mut rustc = tool("rustc", "RUSTC")?;
    rustc.args(["--print", "sysroot"]).current_dir(workspace);
    let output = succeed(rustc, &Stop::default())?;
    let sysroot = String::from_utf8(output.stdout).context("rustc --print sysroot")?;
    Ok(Path::new(sysroot.trim_end()).join("bin/rustc"))
}

/// Runs a command; what it printed on standard error is the error.
fn succeed(command: Command, stop: &Stop) -> Result<Output> {
    let program = command.get_program().display().to_string();
    let output = process::run(command, stop)?;
    if !output.status.success() {
        let said = text::lines(&String::from_utf8_lossy(&output.stderr));
        bail!("{program}: {}\n{}", output.status, said.trim_end());
    }
    Ok(output)
}
