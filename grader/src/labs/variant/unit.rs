//! One lab of one variant: its source in the cache, and what rustc makes of it.

use super::{Workshop, cache};
use crate::cache_dir::Key;
use crate::labs::expiry;
use crate::labs::steps::Source;
use anyhow::{Context, Result, anyhow};
use std::fs;
use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};
use std::process;
use std::sync::atomic::{AtomicUsize, Ordering};
use toml::{Table, Value};

/// What rustc is asked for.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Emit {
    /// A verdict on the code: quick, with every lint, each warning an error.
    Metadata,
    /// Something that runs.
    Program,
}

/// A lab in the cache.
pub(super) struct Unit<'a> {
    shop: &'a Workshop,
    lab: &'a str,
    emit: Emit,
    /// What rustc gets besides the file: edition, lints, libraries.
    flags: Vec<String>,
    key: String,
    dir: PathBuf,
}

impl<'a> Unit<'a> {
    /// Compiles the libraries that `lab` depends on, and puts its source into the cache.
    pub(super) fn new(shop: &'a Workshop, source: &'a Source, lab: &'a str, emit: Emit) -> Result<Unit<'a>> {
        let manifest = table(source, &Path::new(lab).join("Cargo.toml"))?;
        let mut flags = flags(&table(source, Path::new("Cargo.toml"))?, emit);
        // The flags say also what for.
        let mut key = Key::of([&shop.base.key].into_iter().chain(&flags));

        // A lab knows the labs before it. So whatever a manifest says, this ends.
        let before: Vec<_> = source.labs().into_iter().take_while(|other| *other != lab).collect();
        let dependencies = manifest.get("dependencies").and_then(Value::as_table);
        for name in dependencies.into_iter().flat_map(Table::keys) {
            let library = if let Some(lab) = before.iter().find(|lab| *lab == name) {
                let unit = Unit::new(shop, source, lab, emit)?;
                key.add(&unit.key);
                // A library that was compiled against this one looks for it there.
                flags.push(format!("-Ldependency={}", unit.dir.display()));
                unit.library()?
            } else {
                let library = shop.base.libraries.get(&crate_name(name)).cloned();
                library.with_context(|| {
                    format!("{lab} depends on {name}: no lab before it, no part of common")
                })?
            };
            flags.push(format!("--extern={}={}", crate_name(name), library.display()));
        }
        flags.push(format!("-Ldependency={}", shop.base.dependencies.display()));

        let files: Vec<_> = source.files().filter(|(path, _)| path.starts_with(lab)).collect();
        for (path, text) in &files {
            key.add(path.as_os_str().as_bytes());
            key.add(text);
        }
        let key = key.name();
        let dir = shop.cache.join(format!("{lab}-{key}"));
        expiry::touch(&dir);
        make_once(&dir, |unfinished| {
            let part: Source = files.iter().map(|(path, text)| (path.into(), (*text).to_owned())).collect();
            part.write(unfinished)
        })?;
        Ok(Unit { shop, lab, emit, flags, key, dir })
    }

    /// Compiles the lab's library.
    pub(super) fn library(&self) -> Result<PathBuf> {
        let ending = if self.emit == Emit::Metadata { "rmeta" } else { "rlib" };
        let name = format!("lib{}.{ending}", crate_name(self.lab));
        self.compile("lib", &name, &["--crate-type=lib".to_owned()])
    }

    /// Compiles the lab's library and its program.
    pub(super) fn program(&self, flags: &[&str]) -> Result<PathBuf> {
        let library = self.library()?;
        let mut flags: Vec<_> = flags.iter().map(|flag| (*flag).to_owned()).collect();
        flags.push(format!("--extern={}={}", crate_name(self.lab), library.display()));
        flags.push("-Cstrip=debuginfo".to_owned());
        let name = if self.emit == Emit::Metadata { "main.rmeta" } else { "program" };
        self.compile("main", name, &flags)
    }

    /// Compiles `src/<file>.rs` to the file `name`.
    fn compile(&self, file: &str, name: &str, flags: &[String]) -> Result<PathBuf> {
        let output = self.dir.join(name);
        make_once(&output, |unfinished| {
            // Library and program have one name: what tells them apart is `metadata`.
            let mut arguments = vec![format!("--crate-name={}", crate_name(self.lab))];
            arguments.push(format!("-Cmetadata={file}"));
            arguments.extend(self.flags.iter().chain(flags).cloned());
            arguments.extend(["-o".to_owned(), unfinished.display().to_string()]);
            arguments.push(format!("{}/src/{file}.rs", self.lab));
            self.shop.base.rustc(&self.dir, arguments, &self.shop.stop)
        })?;
        Ok(output)
    }
}

/// What the workspace's manifest asks of rustc, and what the result is for.
fn flags(manifest: &Table, emit: Emit) -> Vec<String> {
    let edition = look(manifest, ["package", "edition"]).and_then(Value::as_str);
    let mut flags = vec![format!("--edition={}", edition.unwrap_or("2024"))];
    match emit {
        Emit::Program => {
            flags.extend(["--emit=link", "--cap-lints=allow", "-Cembed-bitcode=no"].map(String::from));
        }
        Emit::Metadata => {
            let lints = look(manifest, ["lints", "rust"]).and_then(Value::as_table).into_iter().flatten();
            flags.extend(lints.filter_map(|(lint, level)| Some(format!("--{}={lint}", level.as_str()?))));
            flags.extend(["--emit=metadata", "-Dwarnings"].map(String::from));
        }
    }
    flags
}

/// What all packages of a workspace share stands in its manifest below `workspace`.
fn look<'a>(manifest: &'a Table, [first, second]: [&str; 2]) -> Option<&'a Value> {
    manifest.get("workspace")?.get(first)?.get(second)
}

fn table(source: &Source, path: &Path) -> Result<Table> {
    let text = source.file(path).ok_or_else(|| anyhow!("{}: not in the source", path.display()))?;
    text.parse().with_context(|| path.display().to_string())
}

fn crate_name(package: &str) -> String {
    package.replace('-', "_")
}

/// Makes `path` where it is missing. It is made under another name beside it and then renamed, so that nobody
/// sees it unfinished; if somebody else has made it meanwhile, theirs is as good.
fn make_once(path: &Path, make: impl FnOnce(&Path) -> Result<()>) -> Result<()> {
    static COUNT: AtomicUsize = AtomicUsize::new(0);
    if path.exists() {
        return Ok(());
    }
    let unique = format!("{}{}-{}", cache::UNFINISHED, process::id(), COUNT.fetch_add(1, Ordering::Relaxed));
    let unfinished = path.with_file_name(unique);
    make(&unfinished)?;
    match fs::rename(&unfinished, path) {
        Err(_) if path.exists() => {
            let _ = fs::remove_file(&unfinished).or_else(|_| fs::remove_dir_all(&unfinished));
            Ok(())
        }
        renamed => renamed.with_context(|| path.display().to_string()),
    }
}
