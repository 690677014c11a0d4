//! Where cargo puts what it builds: a directory of the grader's own for each workspace, inside the one that cargo is
//! configured with. Only the grader builds in it, one build at a time, and notes from what: see [`inputs`].
//!
//! A target directory may be set for every workspace of a person (`CARGO_TARGET_DIR`, `build.target-dir`). Cargo
//! tells the packages in it apart by their name and their place in their workspace. The labs of this repository
//! and of a student's workspace have both in common, so the one would be graded by the other's program.

mod inputs;

use super::cargo::{cargo, metadata};
use super::expiry;
use super::process::{self, Stop};
use crate::beneath::Directory;
use crate::cache_dir::Key;
use crate::caller::as_caller;
use crate::interrupts::{Interrupted, Interrupts};
use anyhow::{Context, Result, bail};
use inputs::{Inputs, Package, Record};
use nix::errno::Errno;
use nix::fcntl::{Flock, FlockArg};
use std::ffi::OsString;
use std::fs::{self, File};
use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};
use std::thread;
use std::time::Duration;

/// The name of the directory, and the beginning of it where several workspaces share a place.
const NAME: &str = "container-labs";

/// The file in it that is locked by who builds.
const LOCK: &str = "lock";

/// How often is looked whether who builds is done.
const TICK: Duration = Duration::from_millis(20);

/// A workspace's target directory, while nobody else builds in it.
pub struct TargetDir {
    root: PathBuf,
    /// None where cargo can't say what the workspace is. It can't build it either, and says why then.
    place: Option<Place>,
}

struct Place {
    path: PathBuf,
    packages: Vec<Package>,
    before: Inputs,
    /// None where the file system has no locks, as some in a network.
    _lock: Option<Flock<File>>,
}

impl TargetDir {
    /// Takes the target directory of the workspace at `root`, which is made where it is missing; waits until nobody else
    /// builds in it. What cargo would take for built there, though a file of it has another content, is gone then.
    /// [`TargetDir::done`] must be called after the build.
    ///
    /// # Errors
    /// The directory can't be written; [`Interrupted`]; what was to be stopped.
    pub fn take(root: &Path, stop: &Stop) -> Result<TargetDir> {
        let metadata = metadata(root)?;
        let root = root.canonicalize().unwrap_or_else(|_| root.to_owned());
        let configured = metadata.as_ref().and_then(|it| it["target_directory"].as_str());
        let Some((metadata, configured)) = metadata.as_ref().zip(configured) else {
            return Ok(TargetDir { root, place: None });
        };
        let path = own(&root, Path::new(configured));
        let trouble = || format!("the directory for what is built, {}", path.display());
        as_caller(|| Ok(fs::create_dir_all(&path)?)).with_context(trouble)?;
        let lock = lock(&path, stop).with_context(trouble)?;
        if !path.starts_with(&root) {
            as_caller(|| Ok(expiry::sweep(&path, &format!("{NAME}-"), LOCK))).with_context(trouble)?;
        }
        let packages = Package::all(metadata);
        let place = Place { path, packages, before: Inputs::default(), _lock: lock };
        let mut taken = TargetDir { root, place: Some(place) };
        taken.forget_what_is_stale(stop)?;
        Ok(taken)
    }

    /// The options for cargo.
    pub fn options(&self) -> Vec<OsString> {
        let place = self.place.iter();
        place.flat_map(|it| [OsString::from("--target-dir"), it.path.clone().into_os_string()]).collect()
    }

    /// Has cargo forget the packages of which a file has changed that it would not notice.
    fn forget_what_is_stale(&mut self, stop: &Stop) -> Result<()> {
        let Some(place) = &mut self.place else { return Ok(()) };
        let (root, path) = (&self.root, &place.path);
        let (record, now) = as_caller(|| {
            let record = Record::read(path, root);
            let now = Inputs::read(path, root, &place.packages);
            Record::begin(path)?;
            Ok((record, now))
        })?;
        let unseen = record.unseen(&now);
        let is_empty = now.of_builds == 0 && !["debug", "release"].iter().any(|it| path.join(it).exists());
        if !unseen.is_empty() && !is_empty {
            let concerned = |package: &&Package| package.is_lab() || now.is_touched(package);
            let names: Vec<&str> =
                place.packages.iter().filter(concerned).map(|package| package.name.as_str()).collect();
            let all_inside =
                unseen.iter().all(|file| place.packages.iter().any(|it| file.starts_with(&it.directory)));
            if !all_inside || !clean(root, path, &names, stop)? {
                as_caller(|| Ok(Directory::open(path)?.clear(|name| name == LOCK)?))
                    .with_context(|| format!("removing what is out of date in {}", path.display()))?;
            }
        }
        place.before = now;
        Ok(())
    }

    /// Notes what was built from, whether the build succeeded or not. A file that was changed meanwhile counts as unknown;
    /// where nothing can be noted, all do.
    pub fn done(self) {
        let Some(place) = self.place else { return };
        let _ = as_caller(|| {
            let now = Inputs::read(&place.path, &self.root, &place.packages);
            Record::of(&self.root, &place.before, now).write(&place.path)
        });
    }
}

/// Has cargo forget packages: what it has built of them, in whatever profile. False where it can't.
fn clean(root: &Path, path: &Path, names: &[&str], stop: &Stop) -> Result<bool> {
    let profiles = [("debug", &[][..]), ("release", &["--release"])];
    for (_, option) in profiles.iter().filter(|(name, _)| path.join(name).exists()) {
        let mut cargo = cargo()?;
        cargo.args(["clean", "--quiet", "--target-dir"]).arg(path).args(*option).current_dir(root);
        cargo.args(names.iter().flat_map(|name| ["--package", name]));
        match process::run(cargo, stop) {
            Ok(output) if output.status.success() => {}
            Err(error) if error.is::<Interrupted>() => return Err(error),
            _ => return Ok(false),
        }
    }
    Ok(true)
}

/// Locks the directory, as soon as nobody else has. None where the file system has no locks.
fn lock(path: &Path, stop: &Stop) -> Result<Option<Flock<File>>> {
    let interrupts = Interrupts::of_main_thread()?;
    loop {
        let open = || Ok(File::options().create(true).append(true).open(path.join(LOCK))?);
        match Flock::lock(as_caller(open)?, FlockArg::LockExclusiveNonblock) {
            Ok(lock) => return Ok(Some(lock)),
            Err((_, Errno::EWOULDBLOCK | Errno::EINTR)) => {}
            Err(_) => return Ok(None),
        }
        if let Some(signal) = interrupts.as_ref().and_then(Interrupts::take) {
            return Err(Interrupted(signal).into());
        }
        if stop.is_said() {
            bail!("the build was stopped");
        }
        thread::sleep(TICK);
    }
}

/// The directory for the workspace at `root`, where cargo is configured with `target`.
fn own(root: &Path, target: &Path) -> PathBuf {
    // A directory that does not exist yet has no other name.
    let inside = target.canonicalize().unwrap_or_else(|_| target.to_owned()).starts_with(root);
    let key = Key::of([root.as_os_str().as_bytes()]);
    target.join(if inside { NAME.to_owned() } else { format!("{NAME}-{}", key.name()) })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_shared_directory_is_divided() {
        let (one, other, shared) = (Path::new("/home/ann/one"), Path::new("/home/ann/two"), Path::new("/t"));
        assert_eq!(own(one, &one.join("target")), one.join("target/container-labs"));
        let own = |root| own(root, shared);
        assert!(own(one).starts_with(shared));
        assert_ne!(own(one), own(other));
    }
}
