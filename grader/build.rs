//! Builds the victim, and carries it and the labs' sources in the grader: an installed grader has no workspace
//! around it.

use std::fmt::Write;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::{env, fs};

fn main() {
    let here = PathBuf::from(env::var_os("CARGO_MANIFEST_DIR").expect("cargo sets it"));
    let out = PathBuf::from(env::var_os("OUT_DIR").expect("cargo sets it"));
    let workspace = here.parent().expect("the grader lies in a workspace");
    println!("cargo::rerun-if-changed=build.rs");
    println!("cargo::rerun-if-changed={}", here.join("attempts/src/victim.rs").display());

    victim(&here.join("attempts/src/victim.rs"), &out);
    sources(workspace, &out);
}

/// The victim, static where that links.
fn victim(source: &Path, out: &Path) {
    let build = |flags: &[&str]| {
        let mut compiler = Command::new(env::var_os("RUSTC").expect("cargo sets it"));
        compiler
            .args(["--edition=2024", "--crate-name=victim", "-Copt-level=1", "-Cstrip=symbols"])
            .args(flags);
        compiler.arg(source).arg("-o").arg(out.join("victim"));
        compiler.status().expect("the compiler can be run").success()
    };
    assert!(build(&["-Ctarget-feature=+crt-static"]) || build(&[]), "the victim does not build: see above");
}

/// A list of the labs' sources: their path in the workspace, and their text.
fn sources(workspace: &Path, out: &Path) {
    let mut list = String::from("&[\n");
    let mut add = |path: &Path| {
        let name = path.strip_prefix(workspace).expect("it lies in the workspace");
        writeln!(list, "    ({name:?}, include_str!({path:?})),").expect("a string takes it");
        println!("cargo::rerun-if-changed={}", path.display());
    };
    add(&workspace.join("Cargo.toml"));
    add(&workspace.join("Cargo.lock"));
    let mut packages: Vec<_> = fs::read_dir(workspace).expect("the workspace").flatten().collect();
    packages.sort_by_key(|entry| entry.file_name());
    for package in packages {
        let name = package.file_name().to_string_lossy().into_owned();
        if name == "common" || name.starts_with("lab") {
            println!("cargo::rerun-if-changed={}", package.path().join("src").display());
            add(&package.path().join("Cargo.toml"));
            let mut files = Vec::new();
            below(&package.path().join("src"), &mut files);
            files.sort();
            files.iter().for_each(|file| add(file));
        }
    }
    list.push_str("]\n");
    fs::write(out.join("sources.rs"), list).expect("OUT_DIR can be written");
}

fn below(directory: &Path, files: &mut Vec<PathBuf>) {
    for entry in fs::read_dir(directory).into_iter().flatten().flatten() {
        match entry.file_type() {
            Ok(kind) if kind.is_dir() => below(&entry.path(), files),
            _ => files.push(entry.path()),
        }
    }
}
