//! The directories that the loader searches for every program: those of its configuration, and its default ones.

use super::root::Root;
use std::collections::HashSet;
use std::ffi::{OsStr, OsString};
use std::io::Read;
use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};

/// All of them, in the order in which they are searched.
pub(super) fn all(root: &Root) -> Vec<PathBuf> {
    let mut directories = configured(root, Path::new("/etc/ld.so.conf"), 0);
    directories.extend(musl_path(root));
    directories.extend(defaults());
    let mut seen = HashSet::new();
    directories.retain(|directory| seen.insert(directory.clone()));
    directories
}

/// The directories in which loaders look without being told, those of Debian's multiarch first.
pub(super) fn defaults() -> Vec<PathBuf> {
    let triplet = format!("{}-linux-gnu", std::env::consts::ARCH);
    let multiarch = [format!("/lib/{triplet}"), format!("/usr/lib/{triplet}")];
    let plain = ["/lib64", "/usr/lib64", "/lib", "/usr/lib", "/usr/local/lib"];
    multiarch.into_iter().map(PathBuf::from).chain(plain.into_iter().map(PathBuf::from)).collect()
}

/// The directories of ld.so.conf (ldconfig(8)), in which `include` takes a pattern.
fn configured(root: &Root, path: &Path, depth: u8) -> Vec<PathBuf> {
    // A file that includes itself would never end.
    if depth > 8 {
        return Vec::new();
    }
    let mut directories = Vec::new();
    for line in text(root, path).lines() {
        let line = line.split('#').next().unwrap_or_default().trim();
        match line.split_once(char::is_whitespace) {
            Some(("include", pattern)) => {
                let pattern = Path::new("/etc").join(pattern.trim());
                let files = matching(root, &pattern);
                directories.extend(files.iter().flat_map(|file| configured(root, file, depth + 1)));
            }
            Some(_) => {}
            None if line.starts_with('/') => directories.push(PathBuf::from(line)),
            None => {}
        }
    }
    directories
}

/// The files that a pattern with at most one `*` in its last part stands for.
fn matching(root: &Root, pattern: &Path) -> Vec<PathBuf> {
    let (Some(directory), Some(name)) = (pattern.parent(), pattern.file_name().and_then(OsStr::to_str))
    else {
        return Vec::new();
    };
    let Some((start, end)) = name.split_once('*') else { return vec![pattern.to_owned()] };
    let fits = |name: &OsString| {
        let (name, long_enough) = (name.as_bytes(), name.len() >= start.len() + end.len());
        long_enough && name.starts_with(start.as_bytes()) && name.ends_with(end.as_bytes())
    };
    root.names(directory).into_iter().filter(fits).map(|name| directory.join(name)).collect()
}

/// musl has a file of its own: `/etc/ld-musl-ARCH.path`, parted by colons or new lines.
fn musl_path(root: &Root) -> Vec<PathBuf> {
    let files = matching(root, Path::new("/etc/ld-musl-*.path"));
    let lists: String = files.iter().map(|file| text(root, file) + "\n").collect();
    let absolute = |part: &&str| part.starts_with('/');
    lists.split([':', '\n']).map(str::trim).filter(absolute).map(PathBuf::from).collect()
}

/// A configuration file's text; a missing one says nothing.
fn text(root: &Root, path: &Path) -> String {
    let mut bytes = Vec::new();
    let file = root.file(path).map(|file| file.take(1 << 20).read_to_end(&mut bytes));
    if !matches!(file, Ok(Ok(_))) {
        return String::new();
    }
    String::from_utf8_lossy(&bytes).into_owned()
}
