//! Directories that are never copied whole: a program in one of them is copied without the files beside it.

use crate::caller::Caller;
use std::collections::BTreeSet;
use std::ffi::OsStr;
use std::fs;
use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};

/// System directories: hier(7).
const SYSTEM: [&str; 27] = [
    "/",
    "/bin",
    "/boot",
    "/dev",
    "/dev/shm",
    "/etc",
    "/home",
    "/lib",
    "/lib64",
    "/media",
    "/mnt",
    "/opt",
    "/proc",
    "/root",
    "/run",
    "/sbin",
    "/srv",
    "/sys",
    "/tmp",
    "/usr",
    "/usr/local",
    "/var",
    "/var/lib",
    "/var/log",
    "/var/spool",
    "/var/tmp",
    "/var/www",
];

/// No program's folder is below these.
const CLOSED: [&str; 6] = ["/boot", "/etc", "/proc", "/sys", "/run/user", "/var/log"];

/// Names that mark a home or a directory of settings.
const OF_A_HOME: [&str; 22] = [
    ".ssh",
    ".gnupg",
    ".aws",
    ".azure",
    ".kube",
    ".docker",
    ".config",
    ".cache",
    ".local",
    ".mozilla",
    ".netrc",
    ".npmrc",
    ".pypirc",
    ".pgpass",
    ".git-credentials",
    ".password-store",
    ".profile",
    ".bashrc",
    ".bash_history",
    ".bash_profile",
    ".zshrc",
    ".zsh_history",
];

/// Directories of keys: nothing is copied from them.
const KEYS: [&str; 4] = [".ssh", ".gnupg", ".aws", ".password-store"];

/// Whether a program in this directory is copied alone. The path must be a real one.
pub fn is_of_note(directory: &Path) -> bool {
    let is = |list: &[&str]| list.iter().any(|place| directory == Path::new(place));
    let homes = homes();
    let below_home = |home: &PathBuf| {
        let first = directory.strip_prefix(home).ok().and_then(|rest| rest.iter().next());
        first.is_some_and(|name| name.as_bytes().starts_with(b"."))
    };
    is(&SYSTEM)
        || CLOSED.iter().any(|place| directory.starts_with(place))
        || directory.parent() == Some(Path::new("/home"))
        || homes.contains(directory)
        || homes.iter().any(below_home)
        || OF_A_HOME.iter().any(|name| fs::symlink_metadata(directory.join(name)).is_ok())
}

/// Whether a file is in a directory of keys.
pub fn is_private(file: &Path) -> bool {
    file.iter().any(|part| KEYS.iter().any(|name| part == OsStr::new(name)))
}

/// The homes of all accounts, by their real paths, except system directories, which some accounts use as home.
fn homes() -> BTreeSet<PathBuf> {
    let accounts = fs::read_to_string("/etc/passwd").unwrap_or_default();
    let listed = accounts.lines().filter_map(|line| line.split(':').nth(5)).map(PathBuf::from);
    let own = std::env::var_os("HOME").map(PathBuf::from);
    let callers = Caller::of_sudo().ok().flatten().map(|caller| caller.home().to_owned());
    let all = listed.chain(own).chain(callers).filter_map(|home| fs::canonicalize(home).ok());
    all.filter(|home| *home == Path::new("/root") || !SYSTEM.iter().any(|place| home == Path::new(place)))
        .collect()
}
