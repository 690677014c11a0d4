//! Archives of all kinds, honest and hostile, each in a directory of its own.

mod archive;
mod damaged;
mod formats;
mod hostile;
mod members;

use super::{Imported, Limits, Watch, import};
use anyhow::Result;
use std::fs;
use std::path::{Path, PathBuf};
use tempfile::TempDir;

/// What an import left.
struct Place {
    /// The directory beside the archive in which it was to be made.
    temporary: TempDir,
    result: Result<Imported>,
}

impl Place {
    /// The root file system.
    fn root(&self) -> PathBuf {
        self.temporary.path().join("place/rootfs")
    }

    /// The whole error, once nothing is left and nothing outside was touched.
    fn error(&self) -> String {
        self.nothing_outside();
        let left: Vec<_> = fs::read_dir(self.temporary.path().join("place")).unwrap().collect();
        assert!(left.is_empty(), "{left:?}");
        format!("{:#}", self.result.as_ref().expect_err("that was imported"))
    }

    fn nothing_outside(&self) {
        let outside = self.temporary.path().join("outside");
        assert_eq!(fs::read_to_string(outside.join("secret")).unwrap(), "secret");
        assert_eq!(fs::read_dir(outside).unwrap().count(), 1);
    }
}

/// Imports a file of these bytes. `outside` is a directory that no archive may touch.
fn imported(bytes: &[u8], limits: &Limits) -> Place {
    let temporary = tempfile::tempdir().unwrap();
    let at = |name: &str| temporary.path().join(name);
    fs::create_dir(at("place")).unwrap();
    fs::create_dir(at("outside")).unwrap();
    fs::write(at("outside/secret"), "secret").unwrap();
    fs::write(at("archive"), bytes).unwrap();
    let show = |_| {};
    let watch = Watch::new(&show).unwrap();
    let result = import(&at("archive"), &at("place/rootfs"), limits, &watch);
    Place { temporary, result }
}

/// Imports what must be all right.
fn whole(bytes: &[u8]) -> (Place, Imported) {
    let mut place = imported(bytes, &Limits::default());
    place.nothing_outside();
    let empty = Err(anyhow::anyhow!("taken"));
    let made = std::mem::replace(&mut place.result, empty).unwrap_or_else(|error| panic!("{error:#}"));
    let names: Vec<_> = fs::read_dir(place.temporary.path().join("place"))
        .unwrap()
        .map(|it| it.unwrap().file_name())
        .collect();
    assert_eq!(names, ["rootfs"]);
    (place, made)
}

/// The error of what must be refused, which says why.
fn refused(bytes: &[u8], why: &str) {
    let error = imported(bytes, &Limits::default()).error();
    assert!(error.contains(why) && error.starts_with("cannot import"), "{error}");
}

fn is_root() -> bool {
    nix::unistd::geteuid().is_root()
}

fn text(path: &Path) -> String {
    fs::read_to_string(path).unwrap()
}
