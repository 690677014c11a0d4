//! Writes the embedded rootfs into a directory.

use super::Rootfs;
use super::check::check;
use super::fixed;
use super::gather::Input;
use super::inputs::Inputs;
use super::root::Root;
use crate::beneath::Directory;
use anyhow::{Context, Result, anyhow, bail};
use std::ffi::OsString;
use std::io::{self, ErrorKind, Write};
use std::path::{Path, PathBuf};

/// Makes the embedded rootfs of `machine` in `directory`, which is missing or empty. The files belong to the caller.
///
/// # Errors
/// The directory is something else, or can't be written; then it is left as it was found.
pub fn make(machine: &Root, directory: &Path) -> Result<Rootfs> {
    let (place, made) = claim(directory)?;
    let inputs = Inputs::of(machine);
    let written = inputs.and_then(|inputs| fill(&inputs, machine, &place, directory).map(|()| inputs));
    let advice = "or name a directory on another disk";
    written.map(|inputs| inputs.rootfs(directory)).map_err(|error| {
        // What can't be removed stays; there is a better error to tell.
        let _ = place.clear(|_| false);
        if let Some((parent, name)) = made {
            let _ = parent.remove(name);
        }
        explain(&error, directory, advice)
    })
}

impl Inputs {
    /// The rootfs that was made of them at `path`.
    pub(super) fn rootfs(self, path: &Path) -> Rootfs {
        let bytes = self.bytes();
        let Inputs { shell, tools, left_out, .. } = self;
        Rootfs { path: path.to_owned(), shell, tools, left_out, bytes }
    }
}

/// Makes sure of an empty directory. With it, where it had to be made, the one that it lies in and its name there.
fn claim(directory: &Path) -> Result<(Directory, Option<(Directory, OsString)>)> {
    let shown = directory.display();
    match claim_new(directory) {
        Ok((made, parent, name)) => return Ok((made, Some((parent, name)))),
        Err(error) if error.kind() == ErrorKind::AlreadyExists => {}
        Err(error) => {
            bail!("cannot make the directory {shown}: {error}; make its parent first, or name another one")
        }
    }
    let way_out = "nothing is overwritten: name a directory that is empty or does not exist yet";
    let found = match Directory::open(directory).and_then(|it| it.names().map(|names| (it, names))) {
        Ok((found, names)) if names.is_empty() => found,
        Ok(_) => bail!("cannot build a root file system in {shown}: the directory is not empty; {way_out}"),
        Err(error) => bail!("cannot build a root file system at {shown}: {error}; {way_out}"),
    };
    Ok((found, None))
}

fn claim_new(directory: &Path) -> io::Result<(Directory, Directory, OsString)> {
    let name = directory.file_name().ok_or(ErrorKind::AlreadyExists)?;
    let parent = directory.parent().filter(|parent| !parent.as_os_str().is_empty());
    let parent = Directory::open(parent.unwrap_or(Path::new(".")))?;
    Ok((parent.make(name, 0o755)?, parent, name.into()))
}

/// A failure in one message, with what to do where the disk is full or the place can't be written.
pub(super) fn explain(error: &anyhow::Error, directory: &Path, elsewhere: &str) -> anyhow::Error {
    let kind = error.chain().find_map(|cause| cause.downcast_ref::<io::Error>()).map(io::Error::kind);
    let next = match kind {
        Some(ErrorKind::StorageFull | ErrorKind::QuotaExceeded) => format!("; free 10 MB there, {elsewhere}"),
        Some(ErrorKind::PermissionDenied | ErrorKind::ReadOnlyFilesystem) => {
            format!("; make it writable, {elsewhere}")
        }
        _ => String::new(),
    };
    anyhow!("cannot build the root file system in {}: {error:#}{next}", directory.display())
}

/// Writes everything into an empty directory, and looks whether a shell will run in it. `path` is its name.
pub(super) fn fill(inputs: &Inputs, machine: &Root, directory: &Directory, path: &Path) -> Result<()> {
    directory.set_mode(0o755)?;
    for (name, mode) in fixed::DIRECTORIES {
        directory.make(name, *mode).with_context(|| format!("making /{name}"))?;
    }
    for (link, target) in fixed::LINKS {
        directory.link(link, target).with_context(|| format!("making the link /{link}"))?;
    }
    for (link, target) in &inputs.links {
        // The directory behind a link to a directory may hold its first file only later.
        if !inputs.files.iter().any(|file| file.to == *target) {
            directories(directory, target)?;
        }
        let place = directories(directory, link.parent().unwrap_or(link))?;
        place
            .link(link.file_name().unwrap_or_default(), relative(link, target))
            .with_context(|| format!("making the link {}", link.display()))?;
    }
    for input in &inputs.files {
        copy(input, machine, directory)
            .with_context(|| format!("copying {} to {}", input.from.display(), input.to.display()))?;
    }
    let machine_id = ("machine-id", format!("{}\n", inputs.key()));
    let texts = fixed::ETC.iter().map(|(name, text)| (*name, (*text).to_owned())).chain([machine_id]);
    for (name, text) in texts {
        let write = || directory.create(format!("etc/{name}"), 0o644)?.write_all(text.as_bytes());
        write().with_context(|| format!("writing /etc/{name}"))?;
    }
    check(path).map(drop).context("the result is not usable")
}

/// The directory `path` of the rootfs, made with those above it. It may be reached by links of the rootfs: `/lib64`.
fn directories(directory: &Directory, path: &Path) -> Result<Directory> {
    let mut at = PathBuf::from("/");
    for part in path.strip_prefix("/").unwrap_or(path) {
        let parent = directory.in_root(&at)?;
        at.push(part);
        match directory.in_root(&at) {
            Err(error) if error.kind() == ErrorKind::NotFound => {
                parent.make(part, 0o755).with_context(|| format!("making {}", path.display()))?;
            }
            found => drop(found?),
        }
    }
    Ok(directory.in_root(&at)?)
}

/// Every copied file is executable: it is a program, a library or a loader. Set-user-ID is not taken along.
fn copy(input: &Input, machine: &Root, directory: &Directory) -> Result<()> {
    let place = directories(directory, input.to.parent().unwrap_or(&input.to))?;
    let mut from = machine.file(&input.from)?;
    let mut to = place.create(input.to.file_name().unwrap_or_default(), 0o755)?;
    io::copy(&mut from, &mut to)?;
    Ok(())
}

/// Where a path of the rootfs lies.
pub(super) fn below(directory: &Path, path: &Path) -> PathBuf {
    directory.join(path.strip_prefix("/").unwrap_or(path))
}

/// The target as seen from the directory of the link, so that the links also hold when they are read from outside.
pub(super) fn relative(link: &Path, target: &Path) -> PathBuf {
    let (from, to): (Vec<_>, Vec<_>) =
        (link.parent().into_iter().flatten().collect(), target.iter().collect());
    let common = from.iter().zip(&to).take_while(|(a, b)| a == b).count();
    let up = from[common..].iter().map(|_| "..".as_ref());
    up.chain(to[common..].iter().copied()).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn links_are_relative() {
        let of = |link: &str, target: &str| relative(Path::new(link), Path::new(target));
        assert_eq!(of("/bin/ls", "/bin/busybox"), Path::new("busybox"));
        assert_eq!(of("/usr/lib/t", "/lib/t"), Path::new("../../lib/t"));
        assert_eq!(of("/lib", "/lib64"), Path::new("lib64"));
    }
}
