//! The workspace: the directory tree that the labs are built from.

use super::{alone, expiry};
use crate::cache_dir::{self, Key};
use crate::caller::Caller;
use crate::labs::steps::Source;
use anyhow::{Context, Result};
use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

/// The labs' sources, as the build script found them: the path in the workspace, and the text.
const SOURCES: &[(&str, &str)] = include!(concat!(env!("OUT_DIR"), "/sources.rs"));

/// The beginning of the names of the directories in the cache to which they are written.
const CARRIED: &str = "labs-";

/// The name of the lock file.
const LOCK: &str = "Cargo.lock";

/// A directory that holds the labs' packages and the `Cargo.toml` that joins them.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Workspace {
    root: PathBuf,
}

impl Workspace {
    /// The workspace that the current directory lies in: this repository, or a student's.
    pub fn find() -> Option<Workspace> {
        Workspace::above(&std::env::current_dir().ok()?)
    }

    /// The workspace that `directory` lies in, looked for upwards.
    pub fn above(directory: &Path) -> Option<Workspace> {
        let is_one = |root: &&Path| {
            // A student's workspace may lack the later labs, but not these.
            ["Cargo.toml", "common/Cargo.toml", "lab0-chroot/Cargo.toml"]
                .iter()
                .all(|file| root.join(file).is_file())
        };
        let root = directory.ancestors().find(is_one)?.to_owned();
        Some(Workspace { root })
    }

    /// The labs that the grader carries in itself, written to the cache: an installed grader has no workspace
    /// around it. The directory is named after its content, so that two graders share it or don't meet. Under sudo it
    /// is the caller's, who builds there.
    ///
    /// # Errors
    /// The cache can't be written.
    pub fn carried() -> Result<Workspace> {
        match Caller::of_sudo()? {
            Some(caller) => caller.does(|| Workspace::carried_in(&cache_dir::cache_below(caller.home())?))?,
            None => Workspace::carried_in(&cache_dir::cache()?),
        }
    }

    fn carried_in(cache: &Path) -> Result<Workspace> {
        let key = Key::of(SOURCES.iter().flat_map(|(path, text)| [path, text]));
        let root = cache.join(format!("{CARRIED}{}", key.name()));
        if !root.is_dir() {
            let beside = root.with_extension(format!("{}.part", std::process::id()));
            let rename = || fs::rename(&beside, &root).map_err(anyhow::Error::from);
            let written = Workspace::alone().and_then(|labs| labs.write(&beside)).and_then(|()| rename());
            if let Err(error) = written {
                let _ = fs::remove_dir_all(&beside);
                // Another grader may have been first.
                if !root.is_dir() {
                    return Err(error).with_context(|| format!("writing the labs to {}", root.display()));
                }
            }
        }
        // Those of other graders go in time.
        expiry::sweep(&root, CARRIED, "target/container-labs/lock");
        Ok(Workspace { root })
    }

    /// The sources that the grader carries.
    pub fn sources() -> Source {
        SOURCES.iter().map(|(path, text)| (PathBuf::from(path), (*text).to_owned())).collect()
    }

    /// The same as a workspace of their own, without the grader: its manifest and its lock file name the labs'
    /// packages and what these need.
    ///
    /// # Errors
    /// A manifest that can't be read: then this grader was built from broken sources.
    pub fn alone() -> Result<Source> {
        let mut packages: BTreeMap<&str, toml::Table> = BTreeMap::new();
        for (path, text) in SOURCES {
            if let Some((package, "Cargo.toml")) = path.split_once('/') {
                packages.insert(package, text.parse().with_context(|| path.to_string())?);
            }
        }
        let text = |path: &str, text: &str| match path {
            "Cargo.toml" => alone::manifest(text, &packages),
            "Cargo.lock" => alone::lock(text, packages.keys().copied()),
            _ => Ok(text.to_owned()),
        };
        SOURCES.iter().map(|(path, it)| Ok((PathBuf::from(path), text(path, it)?))).collect()
    }

    /// Whether these are the labs that the grader carries, byte for byte, and nothing besides that could have another
    /// program built of them. All other code, a student's above all, is somebody's.
    ///
    /// That what is built is also what was looked at, no look can promise: files change, and cargo takes for built what
    /// lies in `target` with the right times. So who relies on this builds [`Workspace::carried`].
    pub fn is_reference(&self) -> bool {
        let changes_a_build = |name: &str| self.root.join(name).symlink_metadata().is_ok();
        if [".cargo", "rust-toolchain", "rust-toolchain.toml"].into_iter().any(changes_a_build) {
            return false;
        }
        let Ok(found) = Source::read(&self.root) else { return false };
        let packages = found.files().filter_map(|(path, _)| path.parent()).filter(|it| !it.ends_with("src"));
        if !found.unread.is_empty()
            || packages.into_iter().any(|it| self.root.join(it).join("build.rs").symlink_metadata().is_ok())
        {
            return false;
        }
        let lock = fs::read_to_string(self.root.join(LOCK)).unwrap_or_default();
        [Ok(Workspace::sources()), Workspace::alone()].into_iter().flatten().any(|carried| {
            // What is no source for a step is compared by itself.
            let files = carried.files().filter(|(path, _)| *path != Path::new(LOCK));
            carried.file(Path::new(LOCK)) == Some(&lock) && found.files().eq(files)
        })
    }

    /// Whether the program that runs lies in the workspace's `target`: then what is built there is as trusted as that.
    pub fn has_built_this_program(&self) -> bool {
        let real = |path: PathBuf| path.canonicalize().ok();
        let program = std::env::current_exe().ok().and_then(real);
        let target = real(self.root.join("target"));
        program.zip(target).is_some_and(|(program, target)| program.starts_with(target))
    }

    /// The directory with the workspace's `Cargo.toml`.
    pub fn root(&self) -> &Path {
        &self.root
    }

    /// The directory of a lab's package.
    pub fn lab(&self, lab: &str) -> PathBuf {
        self.root.join(lab)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_workspace_is_found_from_below() {
        let here = Workspace::find().expect("tests run in their package's directory");
        assert_eq!(Workspace::above(&here.lab("lab0-chroot").join("src")), Some(here));
    }

    #[test]
    fn what_the_grader_carries_is_the_reference_and_nothing_else_is() {
        assert!(Workspace::find().unwrap().is_reference(), "this repository");
        let directory = tempfile::tempdir().unwrap();
        let place = directory.path();
        Workspace::alone().unwrap().write(place).unwrap();
        let workspace = Workspace::above(place).unwrap();
        assert!(workspace.is_reference());
        // What could have cargo build another program.
        for name in [
            ".cargo/config.toml",
            "rust-toolchain.toml",
            "lab1-namespaces/build.rs",
            "common/build.rs",
            "lab1-namespaces/src/more.rs",
            "lab9-more/Cargo.toml",
        ] {
            let path = place.join(name);
            fs::create_dir_all(path.parent().unwrap()).unwrap();
            fs::write(&path, "").unwrap();
            assert!(!workspace.is_reference(), "{name}");
            fs::remove_file(&path).unwrap();
            let _ = fs::remove_dir(path.parent().unwrap());
            assert!(workspace.is_reference(), "without {name}");
        }
        for name in ["Cargo.toml", "Cargo.lock", "lab3-pivot/src/lib.rs", "common/Cargo.toml"] {
            let text = fs::read_to_string(place.join(name)).unwrap();
            fs::write(place.join(name), format!("{text}\n")).unwrap();
            assert!(!workspace.is_reference(), "{name}");
            fs::write(place.join(name), text).unwrap();
        }
        // A link may lead to what is exchanged later.
        let (file, aside) = (place.join("lab0-chroot/src/lib.rs"), place.join("aside"));
        fs::rename(&file, &aside).unwrap();
        std::os::unix::fs::symlink(&aside, &file).unwrap();
        assert!(!workspace.is_reference());
    }

    #[test]
    fn a_starter_is_no_reference_also_where_every_step_is_written() {
        let directory = tempfile::tempdir().unwrap();
        crate::student::starter::source().unwrap().write(directory.path()).unwrap();
        assert!(!Workspace::above(directory.path()).unwrap().is_reference());
        for (path, text) in
            Workspace::alone().unwrap().files().filter(|(path, _)| path.components().count() > 1)
        {
            fs::write(directory.path().join(path), text).unwrap();
        }
        assert!(!Workspace::above(directory.path()).unwrap().is_reference());
    }

    #[test]
    fn a_package_alone_is_no_workspace() {
        let directory = tempfile::tempdir().unwrap();
        std::fs::write(directory.path().join("Cargo.toml"), "[workspace]").unwrap();
        assert_eq!(Workspace::above(directory.path()), None);
    }
}
