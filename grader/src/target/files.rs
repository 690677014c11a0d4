//! The files copied into the decoy with a program: itself, what it needs to start, what its template names, and the
//! small folder around these, if they are in one. Homes and dot directories (`.ssh`, `.git`) are left out.

use super::places::{is_of_note, is_private};
use crate::beneath::{Entry, is};
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

/// The maximum length of a chain of links, as in the kernel (path_resolution(7)).
const MAX_LINKS: usize = 40;

/// The files for a template's words, called in `cwd`: real paths, which are the same in the decoy, and the links on the
/// way to them. Files in a listed folder are not listed again.
///
/// # Errors
/// A file that is never copied: one in a directory of keys, or a link's target that is not world-readable.
pub fn collect(words: &[String], cwd: &Path) -> Result<Vec<PathBuf>> {
    let mut all = BTreeSet::new();
    for word in words.iter().filter(|word| !word.contains('{')) {
        let path = std::path::absolute(cwd.join(word))?;
        if path.is_file() {
            bring(&path, cwd, &mut all).with_context(|| word.clone())?;
        }
    }
    let kept = all.iter().filter(|path| !path.ancestors().skip(1).any(|above| has(&all, above, path)));
    Ok(kept.cloned().collect())
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
fn bring(path: &Path, cwd: &Path, all: &mut BTreeSet<PathBuf>) -> Result<()> {
    let (real, links) = trace(path).with_context(|| path.display().to_string())?;
    if is_private(&real) {
        bail!("{}: files in a directory of keys are never copied into a decoy host", real.display());
    }
    if tree::shows(&real) {
        add(links, all);
        return Ok(());
    }
    let needs = rootfs::needs(&real);
    let led_out = !links.is_empty() && !real.starts_with(cwd) && path.parent() != real.parent();
    if led_out && needs.is_none() && !everybody_reads(&real) {
        bail!("a link leads to {}, which is not world-readable: it is not copied", real.display());
    }
    add(links, all);
    let folder = real.parent().unwrap_or(Path::new("/"));
    let is_whole = !is_of_note(folder) && !holds_our_own(folder) && is_small(folder);
    all.insert(if is_whole { folder.to_owned() } else { real.clone() });
    for need in needs.unwrap_or_default() {
        let Ok((real, links)) = trace(&need) else { continue };
        add(links, all);
        if !tree::shows(&real) && !is_private(&real) {
            all.insert(real);
        }
    }
    Ok(())
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

fn is_small(directory: &Path) -> bool {
    fits(directory, &mut (MAX_BYTES, MAX_FILES))
}

/// Whether the contents fit into a budget of bytes and of files, which is reduced.
fn fits(directory: &Path, budget: &mut (u64, usize)) -> bool {
    let mut count = || -> std::io::Result<bool> {
        let top = crate::beneath::Directory::open(directory)?;
        for name in top.names()? {
            let it = top.entry(&name)?.stat;
            let (bytes, is_directory) = (it.st_size.unsigned_abs(), is(&it, SFlag::S_IFDIR));
            if is_directory && is_dotted(name.as_bytes()) {
                continue;
            }
            let Some(files) = budget.1.checked_sub(1) else { return Ok(false) };
            budget.1 = files;
            if is(&it, SFlag::S_IFREG) {
                let Some(rest) = budget.0.checked_sub(bytes) else { return Ok(false) };
                budget.0 = rest;
            }
            if is_directory && !fits(&directory.join(&name), budget) {
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
