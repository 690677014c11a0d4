//! The workspace: the directory tree that the labs are built from.

use std::path::{Path, PathBuf};

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
    fn a_package_alone_is_no_workspace() {
        let directory = tempfile::tempdir().unwrap();
        std::fs::write(directory.path().join("Cargo.toml"), "[workspace]").unwrap();
        assert_eq!(Workspace::above(directory.path()), None);
    }
}
