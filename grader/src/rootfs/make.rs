//! Writes the embedded rootfs into a directory.

use super::Rootfs;
use super::check::check;
use super::fixed;
use super::inputs::{Input, Inputs};
use super::root::Root;
use anyhow::{Context, Result, anyhow, bail};
use std::fs::{self, DirBuilder, File, OpenOptions, Permissions};
use std::io::{self, ErrorKind};
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt, PermissionsExt, symlink};
use std::path::{Path, PathBuf};

/// Makes the embedded rootfs of `machine` in `directory`, which is missing or empty. The files belong to the caller.
///
/// # Errors
/// The directory is something else, or can't be written; then it is left as it was found.
pub fn make(machine: &Root, directory: &Path) -> Result<Rootfs> {
    let made = claim(directory)?;
    let inputs = Inputs::of(machine);
    let written = inputs.and_then(|inputs| fill(&inputs, machine, directory).map(|()| inputs));
    let advice = "or name a directory on another disk";
    written.map(|inputs| inputs.rootfs(directory)).map_err(|error| {
        empty(directory);
        if made {
            let _ = fs::remove_dir(directory);
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

/// Makes sure of an empty directory. True where it had to be made.
fn claim(directory: &Path) -> Result<bool> {
    let name = directory.display();
    match DirBuilder::new().mode(0o755).create(directory) {
        Ok(()) => return Ok(true),
        Err(error) if error.kind() == ErrorKind::AlreadyExists => {}
        Err(error) => {
            bail!("cannot make the directory {name}: {error}; make its parent first, or name another one")
        }
    }
    let way_out = "nothing is overwritten: name a directory that is empty or does not exist yet";
    let mut entries = match fs::read_dir(directory) {
        Ok(entries) => entries,
        Err(error) => bail!("cannot build a root file system at {name}: {error}; {way_out}"),
    };
    if entries.next().is_some() {
        bail!("cannot build a root file system in {name}: the directory is not empty; {way_out}");
    }
    Ok(false)
}

/// Takes away what a failed attempt has written.
fn empty(directory: &Path) {
    for entry in fs::read_dir(directory).into_iter().flatten().flatten() {
        remove(&entry.path());
    }
}

/// Removes a file or a tree. What can't be removed stays; the caller has a better error to tell.
pub(super) fn remove(path: &Path) {
    if fs::symlink_metadata(path).is_ok_and(|found| found.is_dir()) {
        let _ = fs::remove_dir_all(path);
    } else {
        let _ = fs::remove_file(path);
    }
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

/// Writes everything into an empty directory, and looks whether a shell will run in it.
pub(super) fn fill(inputs: &Inputs, machine: &Root, directory: &Path) -> Result<()> {
    set_mode(directory, 0o755)?;
    for (name, mode) in fixed::DIRECTORIES {
        let path = directory.join(name);
        fs::create_dir(&path).with_context(|| format!("making /{name}"))?;
        set_mode(&path, *mode)?;
    }
    for (link, target) in fixed::LINKS {
        symlink(target, directory.join(link)).with_context(|| format!("making the link /{link}"))?;
    }
    for (link, target) in &inputs.links {
        // The directory behind a link to a directory may hold its first file only later.
        if !inputs.files.iter().any(|file| file.to == *target) {
            directories(directory, target)?;
        }
        directories(directory, link.parent().unwrap_or(link))?;
        symlink(relative(link, target), below(directory, link))
            .with_context(|| format!("making the link {}", link.display()))?;
    }
    for input in &inputs.files {
        copy(input, machine, directory)
            .with_context(|| format!("copying {} to {}", input.from.display(), input.to.display()))?;
    }
    let machine_id = ("machine-id", format!("{}\n", inputs.key()));
    let texts = fixed::ETC.iter().map(|(name, text)| (*name, (*text).to_owned())).chain([machine_id]);
    for (name, text) in texts {
        let path = directory.join("etc").join(name);
        fs::write(&path, text).with_context(|| format!("writing /etc/{name}"))?;
        set_mode(&path, 0o644)?;
    }
    check(directory).context("the result is not usable")
}

/// Where a path of the rootfs lies while it is made.
pub(super) fn below(directory: &Path, path: &Path) -> PathBuf {
    directory.join(path.strip_prefix("/").unwrap_or(path))
}

/// The directory `path` of the rootfs, with those above it.
fn directories(directory: &Path, path: &Path) -> Result<()> {
    let mut at = directory.to_owned();
    for part in path.strip_prefix("/").unwrap_or(path) {
        at.push(part);
        if !at.is_dir() {
            fs::create_dir(&at).with_context(|| format!("making {}", path.display()))?;
            set_mode(&at, 0o755)?;
        }
    }
    Ok(())
}

/// Every copied file is executable: it is a program, a library or a loader. Set-user-ID is not taken along.
fn copy(input: &Input, machine: &Root, directory: &Path) -> Result<()> {
    directories(directory, input.to.parent().unwrap_or(&input.to))?;
    let mut from = machine.file(&input.from)?;
    let path = below(directory, &input.to);
    let mut to: File = OpenOptions::new().write(true).create_new(true).mode(0o700).open(&path)?;
    io::copy(&mut from, &mut to)?;
    set_mode(&path, 0o755)
}

/// chmod(2), since the modes of mkdir(2) and open(2) are subject to the umask.
fn set_mode(path: &Path, mode: u32) -> Result<()> {
    fs::set_permissions(path, Permissions::from_mode(mode))
        .with_context(|| format!("setting the mode of {}", path.display()))
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
