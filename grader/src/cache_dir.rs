//! Where the grader keeps what it can make again: one directory in the person's cache.
//!
//! The names are those of the XDG Base Directory Specification. A path there that is not absolute counts as
//! not set, as the specification asks. Where there is no such place, a directory for this run alone serves.

use crate::{random, text};
use anyhow::{Context, Result, bail, ensure};
use nix::errno::Errno;
use nix::fcntl::{Flock, FlockArg};
use nix::unistd::{AccessFlags, Uid, User, geteuid};
use sha2::{Digest, Sha256};
use std::ffi::OsString;
use std::fs::{self, DirBuilder, File};
use std::os::unix::fs::{DirBuilderExt, MetadataExt, PermissionsExt};
use std::path::{Path, PathBuf};
use std::sync::{Mutex, PoisonError};

/// The name of something that is kept, made from its content: SHA-256, so the same for every build of the grader, and
/// never the same for two contents (`std::hash` promises neither).
#[derive(Clone, Default)]
pub struct Key(Sha256);

impl Key {
    /// The key of these parts.
    pub fn of<T: AsRef<[u8]>>(parts: impl IntoIterator<Item = T>) -> Key {
        let mut key = Key::default();
        parts.into_iter().for_each(|part| key.add(part));
        key
    }

    /// Adds a part. Where one ends and the next begins counts.
    pub fn add(&mut self, part: impl AsRef<[u8]>) {
        let part = part.as_ref();
        self.0.update((part.len() as u64).to_le_bytes());
        self.0.update(part);
    }

    /// The first half of the digest: 32 hexadecimal digits.
    pub fn name(&self) -> String {
        let mut name = format!("{:x}", self.0.clone().finalize());
        name.truncate(32);
        name
    }
}

/// What to do where no cache directory can be had.
const WAY_OUT: &str = "set XDG_CACHE_HOME to a directory that can be written";

/// The prefix of every name that the grader makes; its process id and a random word follow.
pub const PREFIX: &str = "container-labs-";
/// The length of the random word.
pub const WORD: usize = 12;

/// Directories that are the cache for this run, since there is no other: whose, where, and the lock.
static OF_THIS_RUN: Mutex<Vec<(Uid, PathBuf, Flock<File>)>> = Mutex::new(Vec::new());

/// The cache directory of this program: `$XDG_CACHE_HOME/container-labs`, else `$HOME/.cache/container-labs`. It is made,
/// for its owner alone, where it is missing; a home that is missing is not. Where neither can be had, one for this run
/// alone, and a line on standard error says why.
///
/// # Errors
/// That can't be made either.
pub fn cache() -> Result<PathBuf> {
    let place = place(std::env::var_os("XDG_CACHE_HOME"), std::env::var_os("HOME"));
    place.and_then(|(base, below)| make(&base, &below)).or_else(of_this_run)
}

/// The cache directory in a home, whatever the environment says: for somebody else than whose environment it is.
///
/// # Errors
/// As [`cache`].
pub fn cache_below(home: &Path) -> Result<PathBuf> {
    make(home, Path::new(IN_HOME)).or_else(of_this_run)
}

/// Removes what was the cache for this run alone.
pub fn remove_caches_of_this_run() {
    for (_, path, _) in OF_THIS_RUN.lock().unwrap_or_else(PoisonError::into_inner).drain(..) {
        let _ = fs::remove_dir_all(path);
    }
}

/// A new directory in one for temporary files, locked before another grader can take it for one that a dead grader has left.
///
/// # Errors
/// It can't be made.
pub fn make_temporary(parent: &Path, mode: u32) -> Result<(PathBuf, Flock<File>)> {
    loop {
        let word = random::random_word(WORD)?;
        let directory = parent.join(format!("{PREFIX}{}-{word}", std::process::id()));
        let made = DirBuilder::new().mode(mode).create(&directory);
        made.with_context(|| format!("can't make the directory {}", directory.display()))?;
        if let Some(lock) = lock(&directory)? {
            return Ok((directory, lock));
        }
        let _ = fs::remove_dir(&directory);
    }
}

/// Locks a directory (flock(2)). None where another process holds the lock, or has removed the directory meanwhile.
///
/// # Errors
/// Those of flock(2).
pub fn lock(path: &Path) -> Result<Option<Flock<File>>> {
    let Ok(directory) = File::open(path) else { return Ok(None) };
    match Flock::lock(directory, FlockArg::LockExclusiveNonblock) {
        Ok(lock) => {
            let (ours, there) = (lock.metadata()?, fs::symlink_metadata(path));
            let same = there.is_ok_and(|it| (it.dev(), it.ino()) == (ours.dev(), ours.ino()));
            Ok(same.then_some(lock))
        }
        Err((_, Errno::EWOULDBLOCK)) => Ok(None),
        Err((_, errno)) => Err(errno).context("flock(2)"),
    }
}

/// One for this run alone, the same whenever this person asks.
fn of_this_run(why: anyhow::Error) -> Result<PathBuf> {
    let mut all = OF_THIS_RUN.lock().unwrap_or_else(PoisonError::into_inner);
    if let Some((_, known, _)) = all.iter().find(|(owner, ..)| *owner == geteuid()) {
        return Ok(known.clone());
    }
    let (made, lock) = temporary().and_then(|parent| make_temporary(&parent, 0o700))?;
    let place = made.display();
    text::say(&text::line(&format!(
        "grader: {why:#}. For this run the cache is {place}; to keep one, {WAY_OUT}"
    )));
    all.push((geteuid(), made.clone(), lock));
    Ok(made)
}

/// The directory for temporary files: `$TMPDIR`, else `/tmp`. An empty variable counts as not set, and a relative one
/// is below the current directory. The path is absolute and real: no link is in it.
///
/// # Errors
/// It is no directory.
pub fn temporary() -> Result<PathBuf> {
    temporary_of(std::env::var_os("TMPDIR"))
}

fn temporary_of(variable: Option<OsString>) -> Result<PathBuf> {
    let set = variable.filter(|value| !value.is_empty());
    let named = set.as_ref().map_or(Path::new("/tmp"), Path::new);
    let trouble = || format!("the directory for temporary files (TMPDIR), {named:?}");
    let real = fs::canonicalize(named).with_context(trouble)?;
    if !real.is_dir() {
        bail!("{}: that is no directory", trouble());
    }
    Ok(real)
}

/// The cache of this program in a home.
const IN_HOME: &str = ".cache/container-labs";

/// The directory that the two variables name: one that must be there, and the names below it.
fn place(xdg: Option<OsString>, home: Option<OsString>) -> Result<(PathBuf, PathBuf)> {
    let absolute = |name: Option<OsString>| name.map(PathBuf::from).filter(|path| path.is_absolute());
    match (absolute(xdg), absolute(home)) {
        // The specification has its last name made where it is missing.
        (Some(cache), _) => {
            let name = cache.file_name().map(PathBuf::from).unwrap_or_default();
            Ok((cache.parent().unwrap_or(&cache).to_owned(), name.join("container-labs")))
        }
        (None, Some(home)) => Ok((own_home(home), IN_HOME.into())),
        (None, None) => bail!("there is no place for the cache: neither XDG_CACHE_HOME nor HOME is set"),
    }
}

/// Some sudo(8) set-ups keep HOME. Then root would leave files in a person's home that the person can't remove,
/// and later use files that the person can change: root's own home is taken instead.
fn own_home(home: PathBuf) -> PathBuf {
    let of_another = |path: &Path| fs::metadata(path).is_ok_and(|of| of.uid() != 0);
    if geteuid().is_root() && of_another(&home) {
        return User::from_uid(Uid::from_raw(0)).ok().flatten().map_or(home, |root| root.dir);
    }
    home
}

/// Makes the directory where it is missing, and sees that nobody else can change what is in it.
fn make(base: &Path, below: &Path) -> Result<PathBuf> {
    let path = base.join(below);
    let trouble = || format!("cannot make the cache directory {}", path.display());
    ensure!(base.is_dir(), "{}: {} is no directory", trouble(), base.display());
    DirBuilder::new().recursive(true).mode(0o700).create(&path).with_context(trouble)?;
    let found = fs::metadata(&path).with_context(trouble)?;
    let (owner, me) = (Uid::from_raw(found.uid()), geteuid());
    let shown = path.display();
    ensure!(owner == me, "the cache directory {shown} belongs to user id {owner}, not to {me}");
    if found.mode() & 0o022 != 0 {
        fs::set_permissions(&path, fs::Permissions::from_mode(0o700)).with_context(trouble)?;
    }
    let writes = nix::unistd::access(&path, AccessFlags::W_OK | AccessFlags::X_OK);
    writes.with_context(|| format!("the cache directory {shown} can't be written"))?;
    Ok(path)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn placed(xdg: Option<&str>, home: Option<&str>) -> Result<PathBuf> {
        let (base, below) = place(xdg.map(OsString::from), home.map(OsString::from))?;
        Ok(base.join(below))
    }

    #[test]
    fn a_key_is_of_each_part_and_of_where_it_ends() {
        let name = |parts: &[&str]| Key::of(parts).name();
        // printf '\2\0\0\0\0\0\0\0ab' | sha256sum
        assert_eq!(name(&["ab"]), "5dff2b3fa79721a8181b9beb1db6bcce");
        for other in [&["a", "b"][..], &["ab", ""], &["", "ab"], &[]] {
            assert_ne!(name(&["ab"]), name(other), "{other:?}");
        }
    }

    #[test]
    fn xdg_comes_before_home_and_only_absolute_paths_count() {
        assert_eq!(placed(Some("/c"), Some("/h")).unwrap(), Path::new("/c/container-labs"));
        assert_eq!(placed(None, Some("/")).unwrap(), Path::new("/.cache/container-labs"));
        assert_eq!(placed(Some(""), Some("/")).unwrap(), Path::new("/.cache/container-labs"));
        assert_eq!(placed(Some("c"), Some("/")).unwrap(), Path::new("/.cache/container-labs"));
        let error = placed(Some("c"), None).unwrap_err().to_string();
        assert!(error.contains("neither XDG_CACHE_HOME nor HOME"), "{error}");
    }

    #[test]
    fn the_temporary_directory_is_real_whatever_the_variable_says() {
        use std::os::unix::ffi::OsStringExt;
        let of = |value: &str| temporary_of(Some(value.into()));
        let tmp = fs::canonicalize("/tmp").unwrap();
        assert_eq!(of("").unwrap(), tmp);
        assert_eq!(temporary_of(None).unwrap(), tmp);
        let here = std::env::current_dir().unwrap().canonicalize().unwrap();
        assert_eq!(of(".").unwrap(), here);
        assert_eq!(of("src").unwrap(), here.join("src"));
        let error = format!("{:#}", of("no/such").unwrap_err());
        assert!(error.contains("TMPDIR") && error.contains("No such file"), "{error}");
        assert!(of("Cargo.toml").unwrap_err().to_string().contains("no directory"));
        let temporary = tempfile::tempdir().unwrap();
        for name in [&b"odd\xff"[..], b"two\nlines"] {
            let odd = temporary.path().canonicalize().unwrap().join(OsString::from_vec(name.to_vec()));
            fs::create_dir(&odd).unwrap();
            assert_eq!(temporary_of(Some(odd.clone().into())).unwrap(), odd);
        }
    }

    #[test]
    fn root_leaves_nothing_in_the_home_of_another() {
        let home = tempfile::tempdir().unwrap();
        assert_eq!(own_home(home.path().to_owned()), home.path());
        if geteuid().is_root() {
            std::os::unix::fs::chown(home.path(), Some(1000), None).unwrap();
            assert_eq!(own_home(home.path().to_owned()), User::from_uid(geteuid()).unwrap().unwrap().dir);
        }
    }

    #[test]
    fn the_directory_is_made_for_its_owner_alone() {
        let temporary = tempfile::tempdir().unwrap();
        let path = temporary.path().join("a/b");
        assert_eq!(make(temporary.path(), Path::new("a/b")).unwrap(), path);
        assert_eq!(fs::metadata(&path).unwrap().mode() & 0o777, 0o700);
    }

    #[test]
    fn a_place_that_cannot_hold_it_is_named() {
        let temporary = tempfile::NamedTempFile::new().unwrap();
        let error = make(temporary.path(), Path::new("container-labs")).unwrap_err();
        let text = format!("{error:#}");
        assert!(text.contains("is no directory"), "{text}");
    }
}
