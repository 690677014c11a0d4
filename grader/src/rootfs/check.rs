//! Is this directory a root file system? Asked before anything runs in it, since a container that can't start says
//! little: a missing library and a missing program are both "No such file or directory" (execve(2)).

use super::elf::Elf;
use super::loader::{Loader, Needed};
use super::root::Root;
use super::size;
use super::words::Words;
use crate::beneath::Size;
use anyhow::{Result, bail};
use nix::errno::Errno;
use std::fs;
use std::os::unix::fs::{MetadataExt, PermissionsExt};
use std::path::{Path, PathBuf};

/// Looks whether `path` can be the root of a container: a directory with a shell that can be started, and not the
/// machine's own root, that the grader can copy. Links are followed as in the container, openat2(2) with RESOLVE_IN_ROOT.
///
/// # Errors
/// One message: what was looked at, what is wrong with it, what to do.
pub fn check(path: &Path) -> Result<Size> {
    let what = format!("cannot use {} as a root file system", path.display());
    let way_out = "name another directory, or make one with `grader rootfs build DIR`";
    let words = Words { what, way_out };
    check_directory(path, &words)?;
    check_shell(&Root::at(path)?, &words)?;
    size::check(path, &words)
}

/// The same for what was just made, whatever its size.
///
/// # Errors
/// As [`check`].
pub(super) fn check_made(path: &Path, words: &Words) -> Result<()> {
    check_shell(&Root::at(path)?, words)
}

fn check_directory(path: &Path, Words { what, way_out }: &Words) -> Result<()> {
    let found = match fs::metadata(path) {
        Ok(found) => found,
        Err(error) => bail!("{what}: {}; {way_out}", system(&error)),
    };
    if !found.is_dir() {
        bail!(
            "{what}: it is not a directory; unpack an archive with `grader rootfs import FILE DIR`, or {way_out}"
        );
    }
    // Compared by what it is: "/" has many spellings.
    if fs::metadata("/").is_ok_and(|root| (root.dev(), root.ino()) == (found.dev(), found.ino())) {
        bail!(
            "{what}: it is the root of this machine, and what runs in it could change the machine; {way_out}"
        );
    }
    match fs::read_dir(path).map(|mut entries| entries.next().is_none()) {
        Ok(false) => Ok(()),
        Ok(true) => bail!("{what}: it is empty; fill it with `grader rootfs build {}`", path.display()),
        Err(error) => bail!("{what}: {}; make it readable, or {way_out}", system(&error)),
    }
}

fn check_shell(root: &Root, Words { what, way_out }: &Words) -> Result<()> {
    let shell = PathBuf::from("/bin/sh");
    let file = match root.file(&shell) {
        Ok(file) => file,
        Err(Errno::ENOENT) => bail!(
            "{what}: it has no shell, bin/sh is missing or a link that leads nowhere in it; \
             put a shell there, or {way_out}"
        ),
        Err(Errno::EINVAL) => bail!("{what}: its bin/sh is not a file; put a shell there, or {way_out}"),
        Err(Errno::ENOSYS) => {
            bail!("{what}: openat2(2): {}; Linux 5.6 or later is needed", Errno::ENOSYS.desc())
        }
        Err(reason) => {
            bail!("{what}: cannot read its bin/sh: {}; make it readable, or {way_out}", reason.desc())
        }
    };
    if file.metadata().is_ok_and(|found| found.permissions().mode() & 0o111 == 0) {
        bail!("{what}: its bin/sh is not executable; run chmod +x on it, or {way_out}");
    }
    let elf = match Elf::read(&file) {
        Ok(Some(elf)) => elf,
        Ok(None) => bail!("{what}: its bin/sh is not an ELF program; put a shell there, or {way_out}"),
        Err(error) => bail!("{what}: its bin/sh is damaged: {error:#}; put it there again, or {way_out}"),
    };
    if let Some(machine) = elf.kind.foreign().filter(|_| !emulated()) {
        let own = std::env::consts::ARCH;
        bail!(
            "{what}: its bin/sh is for another processor (ELF machine {machine}), and this one is {own}; \
             take a root file system for {own}, or {way_out}"
        );
    }
    let from = root.real_path(&file).unwrap_or_else(|| shell.clone());
    let program = Needed { to: from.clone(), from };
    if let Err(missing) = Loader::of(root).needs(&program, &elf, None) {
        bail!("{what}: its shell would not start, it has no {missing}; put that file in, or {way_out}");
    }
    Ok(())
}

/// Does the kernel start programs of other processors through qemu? (binfmt_misc, the kernel's admin guide.)
fn emulated() -> bool {
    let formats = fs::read_dir("/proc/sys/fs/binfmt_misc").into_iter().flatten().flatten();
    formats.into_iter().any(|format| format.file_name().as_encoded_bytes().starts_with(b"qemu-"))
}

/// The system's words, without the number that Rust adds.
fn system(error: &std::io::Error) -> String {
    error.raw_os_error().map_or(error.to_string(), |number| Errno::from_raw(number).desc().to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::rootfs::fake::Program;
    use std::os::unix::fs::symlink;

    /// A directory whose bin/sh holds these bytes.
    fn with_shell(bytes: &[u8], mode: u32) -> tempfile::TempDir {
        let temporary = tempfile::tempdir().unwrap();
        let shell = temporary.path().join("bin/sh");
        fs::create_dir(shell.parent().unwrap()).unwrap();
        fs::write(&shell, bytes).unwrap();
        fs::set_permissions(&shell, fs::Permissions::from_mode(mode)).unwrap();
        temporary
    }

    fn refused(path: &Path, because: &str) {
        let error = check(path).expect_err("this is no rootfs").to_string();
        let named = error.contains(&path.display().to_string());
        assert!(named && error.contains(because) && error.contains("grader rootfs build"), "{error}");
    }

    #[test]
    fn what_is_no_rootfs_is_refused_with_the_way_out() {
        let temporary = tempfile::tempdir().unwrap();
        refused(&temporary.path().join("none"), "No such file or directory");
        refused(temporary.path(), "it is empty");
        let file = temporary.path().join("file");
        fs::write(&file, "").unwrap();
        refused(&file, "not a directory");
        refused(temporary.path(), "has no shell");
    }

    #[test]
    fn the_machine_is_refused_under_any_name() {
        let temporary = tempfile::tempdir().unwrap();
        let link = temporary.path().join("link");
        symlink("/", &link).unwrap();
        for root in [Path::new("/"), Path::new("//."), Path::new("/proc/.."), &link] {
            refused(root, "root of this machine");
        }
    }

    #[test]
    fn a_shell_that_cannot_start_is_refused() {
        let needs = Program { needed: &["libreadline.so.8"], ..Default::default() };
        let loader = Program { interpreter: Some("/lib64/ld.so"), ..Default::default() };
        refused(with_shell(b"#!/bin/ash\n", 0o755).path(), "not an ELF program");
        refused(with_shell(&needs.bytes()[..100], 0o755).path(), "damaged");
        refused(with_shell(&needs.bytes(), 0o644).path(), "not executable");
        refused(
            with_shell(&needs.bytes(), 0o755).path(),
            r#"has no "libreadline.so.8", which "/bin/sh" needs"#,
        );
        refused(with_shell(&loader.bytes(), 0o755).path(), r#"has no "/lib64/ld.so""#);
        check(with_shell(&Program::default().bytes(), 0o755).path()).unwrap();
    }

    #[test]
    fn a_shell_for_another_processor_is_refused() {
        let mut bytes = Program::default().bytes();
        // e_machine of elf(5): nobody's.
        bytes[18..20].copy_from_slice(&[0xfe, 0xfe]);
        let tree = with_shell(&bytes, 0o755);
        if ["x86_64", "aarch64"].contains(&std::env::consts::ARCH) && !emulated() {
            refused(tree.path(), "another processor");
        }
    }

    #[test]
    fn links_are_followed_within_it_only() {
        let tree = with_shell(&Program::default().bytes(), 0o755);
        fs::rename(tree.path().join("bin/sh"), tree.path().join("bin/ash")).unwrap();
        symlink("/bin/ash", tree.path().join("bin/sh")).unwrap();
        check(tree.path()).unwrap();

        // A shell of the machine is no shell of the rootfs.
        fs::remove_file(tree.path().join("bin/sh")).unwrap();
        let outside = with_shell(&Program::default().bytes(), 0o755);
        symlink(outside.path().join("bin/sh"), tree.path().join("bin/sh")).unwrap();
        refused(tree.path(), "has no shell");
    }

    #[test]
    fn a_directory_for_a_shell_is_no_shell() {
        let tree = tempfile::tempdir().unwrap();
        fs::create_dir_all(tree.path().join("bin/sh")).unwrap();
        refused(tree.path(), "not a file");
    }
}
