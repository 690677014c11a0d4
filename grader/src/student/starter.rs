//! A student's workspace: the labs that the grader carries, with a TODO in place of every step.
//!
//! Without its steps each lab does what the lab before it does, so a new workspace compiles without a warning and runs,
//! but passes nothing yet. Lab 0 is complete, as the worked example.
//!
//! # Layout
//! - `todo`: the comment in place of a step.
//! - `repository`: the student's own git repository.

mod repository;
mod todo;

pub use repository::Repository;

use crate::beneath::Directory;
use crate::caller::Caller;
use crate::labs::steps::{Source, Step};
use crate::labs::{self, Workspace};
use anyhow::{Context, Result};
use std::collections::BTreeMap;
use std::ffi::OsString;
use std::fs;
use std::io;
use std::path::{Path, PathBuf};

/// The table in a workspace's `Cargo.toml` that marks it as a student's: see [`is_students`].
const TABLE: &str = "
# By this table `grader` knows that the workspace is a student's.
[workspace.metadata.container-labs]
starter = true
";

const HEAD: &str =
    "# The workspace of the labs. They share one version of nix, with one list of features.\n\n";

/// The files beside the labs.
const BESIDE: [(&str, &str); 5] = [
    (".gitignore", include_str!("starter/gitignore")),
    ("README.md", include_str!("starter/README.md")),
    ("rustfmt.toml", include_str!("../../../rustfmt.toml")),
    ("LICENSE-APACHE", include_str!("../../../LICENSE-APACHE")),
    ("LICENSE-MIT", include_str!("../../../LICENSE-MIT")),
];

/// Why no workspace was made.
#[derive(Debug)]
pub enum Refused {
    /// Something is there already; it is unchanged. Why no workspace can be made of it.
    InTheWay(&'static str),
    /// Making it failed; everything made so far was removed.
    Failed(anyhow::Error),
}

/// The files of a new workspace: paths are relative to it.
///
/// # Errors
/// A wrong marker or manifest: this grader was built from broken sources.
pub fn source() -> Result<Source> {
    let labs = Workspace::alone()?;
    let steps: BTreeMap<_, Step> = labs.steps()?.into_iter().map(|step| (step.id.clone(), step)).collect();
    let given = labs::ALL[0];
    let starter = labs.replace(|id, _| (id.lab != given).then(|| todo::todo(&steps[id])))?;
    let file = |(path, text): (&Path, &str)| {
        let text = match path.to_str() {
            Some("Cargo.toml") => format!("{HEAD}{text}{TABLE}"),
            _ => text.to_owned(),
        };
        (path.to_owned(), text)
    };
    let beside = BESIDE.map(|(path, text)| (PathBuf::from(path), text.to_owned()));
    Ok(starter.files().map(file).chain(beside).collect())
}

/// Makes a new workspace at `directory`, which is missing or empty. Under sudo its owner is the caller.
///
/// # Errors
/// See [`Refused`].
pub fn make(directory: &Path) -> Result<Repository, Refused> {
    let mut place = NewWorkspace::take(directory)?;
    let fill = || -> Result<Repository> {
        source()?.write_below(&place.directory)?;
        let caller = Caller::of_sudo()?;
        if let Some(caller) = &caller {
            let (uid, gid) = caller.ids();
            let made = place.made.as_ref().map_or(&place.directory, |(made, _, _)| made);
            made.set_owner_of_all(uid, gid).with_context(|| directory.display().to_string())?;
        }
        repository::make(directory, caller.as_ref())
    };
    let made = fill().map_err(Refused::Failed)?;
    place.keep = true;
    Ok(made)
}

/// Whether the workspace at `root` is a student's.
pub fn is_students(root: &Path) -> bool {
    let text = fs::read_to_string(root.join("Cargo.toml")).unwrap_or_default();
    let Ok(manifest) = text.parse::<toml::Table>() else { return false };
    let mut value = manifest.get("workspace");
    for name in ["metadata", "container-labs", "starter"] {
        value = value.and_then(|table| table.get(name));
    }
    value.and_then(toml::Value::as_bool).unwrap_or(false)
}

/// An unfinished workspace. On drop it is removed, unless it is to be kept.
struct NewWorkspace {
    directory: Directory,
    /// What did not exist before: the directory, or the first of its parents that was missing; the directory that
    /// contains it, and its name there. None where the directory existed and was empty.
    made: Option<(Directory, Directory, OsString)>,
    keep: bool,
}

impl NewWorkspace {
    fn take(directory: &Path) -> Result<NewWorkspace, Refused> {
        let directory = std::path::absolute(directory).map_err(|error| Refused::Failed(error.into()))?;
        let failed = |error: io::Error| {
            Refused::Failed(anyhow::Error::new(error).context(directory.display().to_string()))
        };
        match fs::symlink_metadata(&directory) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => {
                return NewWorkspace::make(&directory).map_err(failed);
            }
            Err(error) if error.kind() == io::ErrorKind::NotADirectory => {
                return Err(Refused::InTheWay("a part of that path is a file"));
            }
            Err(error) => return Err(failed(error)),
            Ok(_) if !directory.is_dir() => return Err(Refused::InTheWay("that is no directory")),
            Ok(_) => {}
        }
        let found = Directory::open(&directory).map_err(failed)?;
        if !found.names().map_err(failed)?.is_empty() {
            return Err(Refused::InTheWay("that directory is not empty, and the grader overwrites nothing"));
        }
        Ok(NewWorkspace { directory: found, made: None, keep: false })
    }

    /// Makes the directory, and its missing parents.
    fn make(directory: &Path) -> io::Result<NewWorkspace> {
        let there = directory.ancestors().find(|parent| parent.exists()).unwrap_or(Path::new("/"));
        let missing = directory.strip_prefix(there).unwrap_or(directory);
        let mut names = missing.iter();
        let first = names.next().unwrap_or_default();
        let parent = Directory::open(there)?;
        let made = parent.make(first, None)?;
        let rest = made.make_all(names.as_path(), None, |_| Ok(()));
        let mut place = NewWorkspace {
            directory: made.below(".")?,
            made: Some((made, parent, first.into())),
            keep: false,
        };
        place.directory = rest?;
        Ok(place)
    }
}

impl Drop for NewWorkspace {
    fn drop(&mut self) {
        if self.keep {
            return;
        }
        let _ = match &self.made {
            Some((_, parent, name)) => parent.remove_all(name),
            None => self.directory.clear(|_| false),
        };
    }
}
