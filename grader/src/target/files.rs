//! The files copied into the decoy with a program: itself, what it needs to start, what its template names, and the
//! small folder around these, if they are in one. Homes and dot directories (`.ssh`, `.git`) are left out.

use super::places::{is_of_note, is_private};
use crate::beneath::Entry;
use crate::cache_dir;
use crate::decoy::tree;
use crate::rootfs;
use anyhow::{Context, Result, bail};
use nix::sys::stat::SFlag;
use std::collections::{BTreeSet, VecDeque};
use std::ffi::OsString;
use std::fs;
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::MetadataExt;
use std::path::{Component, Path, PathBuf};

/// A larger folder is not copied, in bytes and in files: for example a build's output directory.
const MAX_BYTES: u64 = 16 << 20;
const MAX_FILES: usize = 1000;

/// So many files that can't be read are named.
const MAX_LACKS: usize = 3;

/// The maximum length of a chain of links, as in the kernel (path_resolution(7)).
const MAX_LINKS: usize = 40;

/// What is copied for a program.
#[derive(Debug, Default)]
pub struct Collected {
    /// Real paths, which are the same in the decoy, and the links on the way to them. Files in a listed folder are not
    /// listed again.
    pub files: Vec<PathBuf>,
    /// What it may need and the decoy lacks, in words.
    pub lacks: Vec<String>,
    /// Directories in which env(1) finds its interpreters.
    pub search: Vec<OsString>,
}

/// What is copied for a program and the words of its template, called in `cwd`.
///
/// # Errors
/// A file that is never copied: one in a directory of keys, or a link's target that is not world-readable.
pub fn collect(program: &Path, words: &[String], cwd: &Path) -> Result<Collected> {
    let (mut all, mut collected) = (BTreeSet::new(), Collected::default());
    let named = words.iter().filter(|word| !word.contains('{')).map(Path::new);
    for word in [program].into_iter().chain(named) {
        let path = std::path::absolute(cwd.join(word))?;
        if path.is_file() {
            bring(&path, cwd, &mut all, &mut collected).with_context(|| word.display().to_string())?;
        }
    }
    let kept = all.iter().filter(|path| !path.ancestors().skip(1).any(|above| has(&all, above, path)));
    collected.files = kept.cloned().collect();
    Ok(collected)
}

/// Whether `path` comes with the folder `above`.
fn has(all: &BTreeSet<PathBuf>, above: &Path, path: &Path) -> bool {
    let Ok(rest) = path.strip_prefix(above) else { return false };
    let mut directories = rest.parent().into_iter().flatten();
    // Links are listed too, but nothing is below them.
    all.contains(above)
        && above.is_dir()
        && !above.is_symlink()
        && !directories.any(|name| is_dotted(name.as_bytes()))
}

/// Adds a file that a template names.
fn bring(path: &Path, cwd: &Path, all: &mut BTreeSet<PathBuf>, collected: &mut Collected) -> Result<()> {
    let (real, links) = trace(path).with_context(|| path.display().to_string())?;
    if is_private(&real) {
        bail!("{}: files in a directory of keys are never copied into a decoy host", real.display());
    }
    if tree::shows(&real) {
        add(links, all);
        return Ok(());
    }
    let path_variable = std::env::var_os("PATH").unwrap_or_default();
    let search: Vec<PathBuf> = std::env::split_paths(&path_variable).collect();
    let needs = rootfs::needs(&real, &search);
    let led_out = !links.is_empty() && !real.starts_with(cwd) && path.parent() != real.parent();
    if led_out && needs.is_none() && !everybody_reads(&real) {
        bail!("a link leads to {}, which is not world-readable: it is not copied", real.display());
    }
    add(links, all);
    let folder = real.parent().unwrap_or(Path::new("/"));
    let is_whole = is_copied_whole(folder, &mut collected.lacks);
    all.insert(if is_whole { folder.to_owned() } else { real.clone() });
    let needs = needs.unwrap_or_default();
    for need in needs.interpreters.iter().chain(&needs.libraries) {
        let Ok((real, links)) = trace(need) else { continue };
        add(links, all);
        if !tree::shows(&real) && !is_private(&real) {
            all.insert(real);
        }
    }
    needs.interpreters.iter().for_each(|it| bring_prefixes(it, all, &mut collected.lacks));
    collected.lacks.extend(needs.missing.iter().map(|missing| format!("not found: {missing}")));
    collected.search.extend(needs.search.into_iter().map(PathBuf::into_os_string));
    Ok(())
}

/// Adds the trees that an interpreter outside of the machine's own belongs to, by its name and by its real path, such as a
/// virtual environment of Python's: what it reads at its start lies beside the directory that it is in.
fn bring_prefixes(interpreter: &Path, all: &mut BTreeSet<PathBuf>, lacks: &mut Vec<String>) {
    let real = fs::canonicalize(interpreter).unwrap_or_default();
    for path in BTreeSet::from([interpreter, &real]) {
        let bin = path.parent().filter(|parent| parent.ends_with("bin"));
        let Some((prefix, links)) = bin.and_then(Path::parent).and_then(|prefix| trace(prefix).ok()) else {
            continue;
        };
        let is_machines = tree::shows(path) || tree::shows(&prefix);
        if is_machines || is_private(&prefix) || !prefix.join("lib").is_dir() {
            continue;
        }
        if is_copied_whole(&prefix, lacks) {
            add(links, all);
            all.insert(prefix);
        } else {
            lacks.push(format!("not copied: what {} needs below {}", path.display(), prefix.display()));
        }
    }
}

/// Whether a folder is copied whole. What of it can't be read is left out.
fn is_copied_whole(folder: &Path, lacks: &mut Vec<String>) -> bool {
    let mut unreadable = Vec::new();
    let whole = !is_of_note(folder)
        && !holds_our_own(folder)
        && fits(folder, &mut (MAX_BYTES, MAX_FILES), &mut unreadable);
    if whole {
        lacks.extend(unreadable.iter().take(MAX_LACKS).map(|it| format!("not readable: {}", it.display())));
    }
    whole
}

/// Adds links that the decoy does not contain already.
fn add(links: Vec<PathBuf>, all: &mut BTreeSet<PathBuf>) {
    all.extend(links.into_iter().filter(|link| !tree::shows(link)));
}

/// The real path of a file, and the links on the way to it, each by its real path.
fn trace(path: &Path) -> Result<(PathBuf, Vec<PathBuf>)> {
    let parts = |path: &Path| -> Vec<OsString> {
        path.components().map(|part: Component| part.as_os_str().to_owned()).collect()
    };
    let (mut at, mut links) = (PathBuf::from("/"), Vec::new());
    let mut left = VecDeque::from(parts(path));
    while let Some(part) = left.pop_front() {
        match part.as_bytes() {
            b"/" => at = "/".into(),
            b"." => {}
            b".." => drop(at.pop()),
            _ => {
                let next = at.join(&part);
                let it = Entry::at_real_path(&next)?;
                if !it.is(SFlag::S_IFLNK) {
                    at = next;
                    continue;
                }
                if links.len() == MAX_LINKS {
                    bail!("too many links");
                }
                for part in parts(Path::new(&it.target()?)).into_iter().rev() {
                    left.push_front(part);
                }
                links.push(next);
            }
        }
    }
    Ok((at, links))
}

/// Whether the file is world-readable, and so are the directories above it.
fn everybody_reads(real: &Path) -> bool {
    let may = |path: &Path, bit: u32| fs::metadata(path).is_ok_and(|it| it.mode() & bit != 0);
    may(real, 0o004) && real.ancestors().skip(1).all(|directory| may(directory, 0o001))
}

/// Whether the grader's temporary files are in this directory or below it: the decoy would be copied into itself.
fn holds_our_own(directory: &Path) -> bool {
    cache_dir::temporary().is_ok_and(|ours| ours.starts_with(directory))
}

/// Whether the contents fit into a budget of bytes and of files, which is reduced.
fn fits(directory: &Path, budget: &mut (u64, usize), unreadable: &mut Vec<PathBuf>) -> bool {
    let mut count = || -> std::io::Result<bool> {
        let top = crate::beneath::Directory::open(directory)?;
        for name in top.names()? {
            let entry = top.entry(&name)?;
            let (bytes, is_directory) = (entry.stat.st_size.unsigned_abs(), entry.is(SFlag::S_IFDIR));
            if is_directory && is_dotted(name.as_bytes()) {
                continue;
            }
            let Some(files) = budget.1.checked_sub(1) else { return Ok(false) };
            budget.1 = files;
            if (is_directory || entry.is(SFlag::S_IFREG)) && !entry.is_readable() {
                unreadable.push(directory.join(&name));
                continue;
            }
            if entry.is(SFlag::S_IFREG) {
                let Some(rest) = budget.0.checked_sub(bytes) else { return Ok(false) };
                budget.0 = rest;
            }
            if is_directory && !fits(&directory.join(&name), budget, unreadable) {
                return Ok(false);
            }
        }
        Ok(true)
    };
    count().unwrap_or(false)
}

fn is_dotted(name: &[u8]) -> bool {
    name.starts_with(b".")
}

/// The copied files as shown to a person: relative to the current directory, folders with a slash.
pub fn named(files: &[(PathBuf, PathBuf)], cwd: &Path) -> String {
    /// The maximum of names shown.
    const MAX_NAMES: usize = 8;
    const MAX_LINE: usize = 100;
    let name = |path: &PathBuf| {
        let shown = match path.strip_prefix(cwd) {
            Ok(rest) if rest.as_os_str().is_empty() => ".".to_owned(),
            Ok(rest) if rest.components().count() == 1 => format!("./{}", rest.display()),
            Ok(rest) => rest.display().to_string(),
            Err(_) => path.display().to_string(),
        };
        let length = shown.chars().count();
        let start = if length > MAX_LINE { "..." } else { "" };
        let shown: String = shown.chars().skip(length.saturating_sub(MAX_LINE)).collect();
        let is_folder = path.is_dir() && !path.is_symlink();
        format!("{start}{shown}{}", if is_folder { "/ without dot directories" } else { "" })
    };
    let mut names: Vec<String> = files.iter().take(MAX_NAMES).map(|(from, _)| name(from)).collect();
    if files.len() > MAX_NAMES {
        names.push(format!("and {} more", files.len() - MAX_NAMES));
    }
    names.join(", ")
}

#[cfg(test)]
mod tests;
