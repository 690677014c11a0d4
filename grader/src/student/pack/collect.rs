//! Selects the files of a workspace to pack: the manifests, and the source of each package. Everything else is left
//! out, and named.

use super::{File, MAX_BYTES, MAX_FILE_BYTES, MAX_FILES};
use crate::beneath::{Directory, Entry};
use crate::labs::{self, cargo::metadata};
use crate::text::is_hidden;
use anyhow::{Context, Result, ensure};
use nix::sys::stat::SFlag;
use std::io::Read;
use std::path::{Component, Path, PathBuf};

/// Files of the workspace itself.
const OF_WORKSPACE: [&str; 4] = ["Cargo.lock", "Cargo.toml", "rust-toolchain", "rust-toolchain.toml"];
/// Files of each package.
const OF_PACKAGE: [&str; 2] = ["Cargo.toml", "build.rs"];
/// Directories of each package, with everything in them.
const BELOW_PACKAGE: [&str; 4] = ["benches", "examples", "src", "tests"];
/// Left out without being named.
const UNNAMED: [&str; 2] = [".git", "target"];
/// Settings of cargo, as `cargo` finds them, and why they are left out: they name compilers, directories and mirrors of
/// one machine.
const SETTINGS: (&str, &str) =
    (".cargo", "settings of cargo for this machine: the rest is built without them");

/// The files of a workspace, selected.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Collected {
    /// The packed files, by name.
    pub files: Vec<File>,
    /// The files left out, by name; a directory ends in a slash. The text says why, where the name does not show it.
    pub left_out: Vec<(String, &'static str)>,
}

/// Selects the files of the workspace at `root`.
///
/// # Errors
/// A file that can't be read; more than [`MAX_FILES`] files, or more than [`MAX_BYTES`]
/// bytes.
pub fn collect(root: &Path) -> Result<Collected> {
    let packages = packages(root)?;
    let mut found = Collected::default();
    let directory = Directory::open(root).with_context(|| root.display().to_string())?;
    sort(&directory, Path::new(""), &packages, &mut found)?;
    found.files.sort_by(|one, other| one.name.cmp(&other.name));
    found.left_out.sort();
    let bytes: u64 = found.files.iter().map(|file| file.bytes.len() as u64).sum();
    ensure!(
        found.files.len() <= MAX_FILES,
        "{} files: a submission has {MAX_FILES} at most",
        found.files.len()
    );
    ensure!(bytes <= MAX_BYTES, "{bytes} bytes of source: a submission has {MAX_BYTES} at most");
    Ok(found)
}

/// The directories of the workspace's packages, relative to it, as cargo lists them. Where a manifest is broken and
/// cargo lists none: those of the labs.
fn packages(root: &Path) -> Result<Vec<PathBuf>> {
    let Some(answer) = metadata(root)? else {
        let known = ["common"].into_iter().chain(labs::ALL).filter(|name| root.join(name).is_dir());
        return Ok(known.map(PathBuf::from).collect());
    };
    let root = root.canonicalize()?;
    let list = answer["packages"].as_array().map(Vec::as_slice).unwrap_or_default();
    list.iter()
        .map(|package| {
            let manifest = Path::new(package["manifest_path"].as_str().unwrap_or_default());
            let directory = manifest.parent().unwrap_or(manifest);
            let directory = directory.canonicalize().unwrap_or_else(|_| directory.to_owned());
            let inside = directory.strip_prefix(&root).ok().map(Path::to_owned);
            inside.with_context(|| format!("{}: it is outside of the workspace", directory.display()))
        })
        .collect()
}

/// Selects the files of one directory of the workspace.
fn sort(root: &Directory, directory: &Path, packages: &[PathBuf], found: &mut Collected) -> Result<()> {
    let names = root.below(directory).and_then(|it| it.names());
    for name in names.with_context(|| directory.display().to_string())? {
        let name = directory.join(name);
        let it = root.entry(&name).with_context(|| name.display().to_string())?;
        let is_directory = it.is(SFlag::S_IFDIR);
        if is_directory && packages.iter().any(|package| package.starts_with(&name)) {
            sort(root, &name, packages, found)?;
        } else if !is_source(&name, packages) {
            if !(directory.as_os_str().is_empty() && UNNAMED.iter().any(|it| name == Path::new(it))) {
                let why = if name == Path::new(SETTINGS.0) { SETTINGS.1 } else { "" };
                found.left_out.push((shown(&name, is_directory), why));
            }
        } else if is_directory {
            sort(root, &name, packages, found)?;
        } else {
            take(&it, &name, found)?;
        }
    }
    Ok(())
}

/// Whether a path is to be packed, or contains files to be packed.
fn is_source(name: &Path, packages: &[PathBuf]) -> bool {
    let is = |name: &Path, list: &[&str]| list.iter().any(|it| name == Path::new(it));
    if is(name, &OF_WORKSPACE) {
        return true;
    }
    packages.iter().any(|package| {
        let Ok(name) = name.strip_prefix(package) else { return false };
        // Hidden files and editors' backup files are no source.
        let hidden = |part: Component| part.as_os_str().to_string_lossy().starts_with('.');
        let copy = name.to_string_lossy().ends_with('~');
        if name.components().any(hidden) || copy {
            return false;
        }
        is(name, &OF_PACKAGE) || BELOW_PACKAGE.iter().any(|below| name.starts_with(below))
    })
}

fn take(it: &Entry, name: &Path, found: &mut Collected) -> Result<()> {
    let why = if it.is(SFlag::S_IFLNK) {
        "a link"
    } else if !it.is(SFlag::S_IFREG) {
        "not a regular file"
    } else if name.to_string_lossy().contains(is_hidden) {
        "a name with hidden characters"
    } else if let Some(text) = name.to_str() {
        let mut bytes = Vec::new();
        let read = it.read().and_then(|file| file.take(MAX_FILE_BYTES + 1).read_to_end(&mut bytes));
        read.with_context(|| text.to_owned())?;
        if bytes.len() as u64 <= MAX_FILE_BYTES {
            found.files.push(File { name: text.to_owned(), bytes });
            return Ok(());
        }
        "longer than 1 MiB"
    } else {
        "a name that is not UTF-8"
    };
    found.left_out.push((shown(name, false), why));
    Ok(())
}

fn shown(name: &Path, is_directory: bool) -> String {
    let name = name.to_string_lossy().into_owned();
    if is_directory { format!("{name}/") } else { name }
}
