//! Where cargo puts what it builds, if that place could be shared.
//!
//! A target directory may be set for every workspace of a person (`CARGO_TARGET_DIR`, `build.target-dir`). Cargo
//! tells the packages in it apart by their name and their place in their workspace. The labs of this repository
//! and of a student's workspace have both in common, so the one would be graded by the other's program. Each
//! workspace gets a directory of its own in there.

use super::cargo::metadata;
use crate::cache_dir::Key;
use anyhow::Result;
use std::ffi::OsString;
use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};

/// The options for cargo in the workspace at `root`: none where the target directory lies in there.
///
/// # Errors
/// Those of [`metadata`].
pub fn options(root: &Path) -> Result<Vec<OsString>> {
    // Where cargo can't say it, it can't build either, and says why then.
    let metadata = metadata(root)?;
    let configured = metadata.as_ref().and_then(|it| it["target_directory"].as_str());
    Ok(match configured.and_then(|target| own(root, Path::new(target))) {
        Some(own) => vec!["--target-dir".into(), own.into()],
        None => Vec::new(),
    })
}

fn own(root: &Path, target: &Path) -> Option<PathBuf> {
    let root = root.canonicalize().unwrap_or_else(|_| root.to_owned());
    // A directory that does not exist yet has no other name.
    let inside = target.canonicalize().unwrap_or_else(|_| target.to_owned()).starts_with(&root);
    let key = Key::of([root.as_os_str().as_bytes()]);
    (!inside).then(|| target.join(format!("container-labs-{}", key.name())))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_shared_directory_is_divided() {
        let (one, other, shared) = (Path::new("/home/ann/one"), Path::new("/home/ann/two"), Path::new("/t"));
        assert_eq!(own(one, &one.join("target")), None);
        let own = |root| own(root, shared).unwrap();
        assert!(own(one).starts_with(shared));
        assert_ne!(own(one), own(other));
    }
}
