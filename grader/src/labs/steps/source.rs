//! The labs' source: a map of files, from which steps can be removed.

use super::marker::{self, Broken, MarkedStep};
use super::{Step, StepId, rows};
use crate::beneath::Directory;
use anyhow::{Context, Result, anyhow};
use nix::sys::stat::SFlag;
use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::io::{ErrorKind, Write};
use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};

/// The maximum size of a file, in bytes.
const MAX_BYTES: u64 = 16 << 20;

/// The source files of a workspace's labs: `common` and `lab*`, each with its manifest and its `src`, and the manifest
/// of the workspace. Paths are relative to the workspace.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Source {
    files: BTreeMap<PathBuf, String>,
    /// Files with the name of a source that can't be read or are no text, and why: cargo builds without them, or says so.
    pub unread: Vec<(PathBuf, String)>,
}

impl Source {
    /// Reads the workspace at `dir`. Only regular files are read, since a link may lead anywhere. What lies beside the
    /// source makes no other source: hidden files, files that are no text, and directories without a manifest.
    ///
    /// # Errors
    /// The directory or its manifest can't be read.
    pub fn read(dir: &Path) -> Result<Source> {
        let mut source = Source::default();
        let root = Directory::open(dir).with_context(|| dir.display().to_string())?;
        source.add_all(&root, dir)?;
        Ok(source)
    }

    fn add_all(&mut self, root: &Directory, dir: &Path) -> Result<()> {
        let manifest = Path::new("Cargo.toml");
        let text = text(root, manifest).with_context(|| dir.join(manifest).display().to_string())?;
        self.files.insert(manifest.to_owned(), text);
        for name in root.names().with_context(|| dir.display().to_string())? {
            let name = PathBuf::from(name);
            let wanted = name == Path::new("common") || lab_of(&name).is_some();
            let manifest = name.join("Cargo.toml");
            if wanted && root.entry(&manifest).is_ok_and(|it| it.is(SFlag::S_IFREG)) {
                self.add(root, &manifest);
                self.add_rust(root, &name.join("src"));
            }
        }
        Ok(())
    }

    fn add(&mut self, root: &Directory, name: &Path) {
        match text(root, name) {
            Ok(text) => drop(self.files.insert(name.to_owned(), text)),
            Err(error) => self.unread.push((name.to_owned(), format!("{error:#}"))),
        }
    }

    fn add_rust(&mut self, root: &Directory, path: &Path) {
        let names = match root.below(path).and_then(|directory| directory.names()) {
            Ok(names) => names,
            Err(error) if error.kind() == ErrorKind::NotFound => return,
            Err(error) => return self.unread.push((path.to_owned(), error.to_string())),
        };
        // Hidden are what a Mac notes of a file in an archive (`._lib.rs`), and what editors write beside it.
        for name in names.iter().filter(|name| !name.as_bytes().starts_with(b".")) {
            let name = path.join(name);
            // What is gone by now was no source.
            let Ok(it) = root.entry(&name) else { continue };
            if it.is(SFlag::S_IFDIR) {
                self.add_rust(root, &name);
            } else if it.is(SFlag::S_IFREG) && is_rust(&name) {
                self.add(root, &name);
            }
        }
    }

    /// The files, in the order of their paths.
    pub fn files(&self) -> impl Iterator<Item = (&Path, &str)> {
        self.files.iter().map(|(path, text)| (path.as_path(), text.as_str()))
    }

    /// The text of one file.
    pub fn file(&self, path: &Path) -> Option<&str> {
        self.files.get(path).map(String::as_str)
    }

    /// The labs in teaching order: by their number.
    pub fn labs(&self) -> Vec<&str> {
        let labs: BTreeSet<_> = self.files.keys().filter_map(|path| lab_of(path)).collect();
        let mut labs: Vec<_> = labs.into_iter().collect();
        labs.sort_by_key(|lab| number(lab));
        labs
    }

    /// The steps in the source: by lab, in each lab by file and line.
    ///
    /// # Errors
    /// The first wrong marker, or a name that a lab uses twice.
    pub fn found(&self) -> Result<Vec<(StepId, MarkedStep)>, Broken> {
        let mut all: Vec<(StepId, MarkedStep)> = Vec::new();
        for lab in self.labs() {
            for (path, text) in self.files().filter(|(path, _)| path.starts_with(lab) && is_rust(path)) {
                for step in marker::parse(path, text)? {
                    let id = StepId { lab: lab.to_owned(), name: step.name.clone() };
                    if let Some((_, first)) = all.iter().find(|(other, _)| *other == id) {
                        let why = marker::doubled(first);
                        return Err(Broken { file: step.file, line: step.line, why });
                    }
                    all.push((id, step));
                }
            }
        }
        Ok(all)
    }

    /// The steps with their rows of `steps.toml`, in the order of that file, which is the teaching order. (The order of
    /// the source would be wrong: rustfmt sorts the modules of a crate by name.)
    ///
    /// # Errors
    /// See [`Source::found`]; a step without a row, or a row without a step.
    pub fn steps(&self) -> Result<Vec<Step>, Broken> {
        rows::join(self.found()?)
    }

    /// The source without the steps for which `out` is true. The markers stay, and an empty line replaces each removed
    /// line, so that line numbers stay the same.
    ///
    /// # Errors
    /// See [`Source::found`].
    pub fn without(&self, out: impl Fn(&StepId) -> bool) -> Result<Source, Broken> {
        self.replace(|id, step| out(id).then(|| "\n".repeat(step.end - step.line - 1)))
    }

    /// The source with other text between the markers of the steps for which `body` returns one. Its lines get the
    /// indentation and the line ends of the marker above them.
    ///
    /// # Errors
    /// See [`Source::found`].
    pub fn replace(&self, body: impl Fn(&StepId, &MarkedStep) -> Option<String>) -> Result<Source, Broken> {
        let mut changed = self.clone();
        // From the end of each file to its start, so that the line numbers before a step stay valid.
        for (id, step) in self.found()?.iter().rev() {
            let Some(body) = body(id, step) else { continue };
            let Some(text) = changed.files.get_mut(&step.file) else { continue };
            let lines: Vec<&str> = text.split_inclusive('\n').collect();
            let marker = lines[step.line - 1];
            let indentation = &marker[..marker.len() - marker.trim_start().len()];
            let line_end = if marker.ends_with("\r\n") { "\r\n" } else { "\n" };
            let body = body.lines().map(|line| match line {
                "" => line_end.to_owned(),
                line => format!("{indentation}{line}{line_end}"),
            });
            *text = lines[..step.line].concat() + &body.collect::<String>() + &lines[step.end - 1..].concat();
        }
        Ok(changed)
    }

    /// Writes all files below `dir`, which is created if missing. Existing files of the same names are overwritten,
    /// others stay.
    ///
    /// # Errors
    /// A file or directory that can't be written.
    pub fn write(&self, dir: &Path) -> Result<()> {
        fs::create_dir_all(dir).with_context(|| dir.display().to_string())?;
        self.write_below(&Directory::open(dir).with_context(|| dir.display().to_string())?)
    }

    /// Writes all files below an open directory. No link in it is followed.
    ///
    /// # Errors
    /// A file or directory that can't be written.
    pub fn write_below(&self, dir: &Directory) -> Result<()> {
        for (path, text) in self.files() {
            write_file(dir, path, text).with_context(|| path.display().to_string())?;
        }
        Ok(())
    }
}

impl FromIterator<(PathBuf, String)> for Source {
    fn from_iter<I: IntoIterator<Item = (PathBuf, String)>>(files: I) -> Source {
        Source { files: files.into_iter().collect(), unread: Vec::new() }
    }
}

/// The text of a file.
fn text(root: &Directory, name: &Path) -> Result<String> {
    String::from_utf8(root.bytes(name, MAX_BYTES)?).map_err(|_| anyhow!("it is not UTF-8"))
}

fn write_file(dir: &Directory, path: &Path, text: &str) -> Result<()> {
    let parent = dir.make_all(path.parent().unwrap_or(Path::new("")), None, |_| Ok(()))?;
    let name = path.file_name().context("that names no file")?;
    match parent.remove(name) {
        Err(error) if error.kind() != ErrorKind::NotFound => Err(error.into()),
        _ => Ok(parent.create(name, None)?.write_all(text.as_bytes())?),
    }
}

/// The lab that a path of the workspace belongs to: `lab`, a number, and perhaps a name.
fn lab_of(path: &Path) -> Option<&str> {
    let lab = path.components().next()?.as_os_str().to_str()?;
    number(lab).is_some().then_some(lab)
}

fn number(lab: &str) -> Option<u32> {
    lab.strip_prefix("lab")?.split('-').next()?.parse().ok()
}

fn is_rust(path: &Path) -> bool {
    path.extension().is_some_and(|ending| ending == "rs")
}

#[cfg(test)]
mod tests;
