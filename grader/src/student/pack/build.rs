//! Builds exactly the packed files, as the one who gets them would: in a directory of its own in the cache, where no
//! setting of cargo and no toolchain file of the workspace is found that is not packed. What the person has set for all
//! workspaces (`~/.cargo/config.toml`, `RUSTFLAGS`) is in force there as everywhere.

use super::File;
use crate::beneath::Directory;
use crate::cache_dir::{cache, cache_below};
use crate::caller::{Caller, as_caller};
use crate::labs::{self, Workspace};
use anyhow::{Context, Result, ensure};
use nix::fcntl::{Flock, FlockArg};
use std::fs;
use std::io::Write;
use std::path::Path;

/// The name of the directory in the cache: one for all workspaces, which take turns.
const PLACE: &str = "pack";
/// What stays in it: what was built before, and the lock of who builds.
const STAYS: [&str; 2] = ["target", "lock"];

/// Builds the labs among `files`.
///
/// # Errors
/// They don't build; there is no lab; the cache can't be written.
pub fn build(files: &[File]) -> Result<()> {
    let home = Caller::of_sudo()?.map(|caller| caller.home().to_owned());
    let (place, _lock) = as_caller(|| {
        let place = home.map_or_else(cache, |home| cache_below(&home))?.join(PLACE);
        let lock = write(&place, files).with_context(|| place.display().to_string())?;
        Ok((place, lock))
    })?;
    let workspace = Workspace::above(&place).filter(|it| it.root() == place);
    let workspace = workspace.context("the labs' manifests are not all there")?;
    let there: Vec<&str> = labs::ALL.into_iter().filter(|lab| workspace.lab(lab).is_dir()).collect();
    ensure!(!there.is_empty(), "there is no lab");
    labs::check(&workspace, &there)
}

/// Writes the files; others that lie there are removed. Nobody else does the same at the same time.
fn write(place: &Path, files: &[File]) -> Result<Option<Flock<fs::File>>> {
    fs::create_dir_all(place)?;
    let lock = fs::File::options().create(true).append(true).open(place.join(STAYS[1]))?;
    let lock = Flock::lock(lock, FlockArg::LockExclusive).ok();
    let directory = Directory::open(place)?;
    directory.clear(|name| STAYS.iter().any(|it| name == *it))?;
    for file in files {
        let path = Path::new(&file.name);
        let write = || {
            directory.make_all(path.parent().unwrap_or(Path::new("")), None, |_| Ok(()))?;
            directory.create(path, None)?.write_all(&file.bytes)
        };
        write().with_context(|| file.name.clone())?;
    }
    Ok(lock)
}
