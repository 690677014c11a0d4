//! What a program of the machine needs to start: the interpreters of a script, the loader, the libraries.

use super::elf::Elf;
use super::loader::{Loader, Needed};
use super::root::Root;
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::{FileExt, PermissionsExt};
use std::path::{Path, PathBuf};

/// How many interpreters may stand between a script and a program (execve(2)).
const MAX_INTERPRETERS: usize = 5;

/// The kernel reads no more of a script's first line (BINPRM_BUF_SIZE).
const FIRST_LINE: usize = 256;

/// No program has more libraries; whoever wrote the file may have written anything.
const MAX_LIBRARIES: usize = 1000;

/// The files that the program at this path needs to start, but for those that are missing. None where it is no
/// program: neither ELF nor a script, or not executable.
pub fn needs(program: &Path) -> Option<Vec<PathBuf>> {
    let root = Root::machine().ok()?;
    let (mut at, mut found) = (program.to_owned(), Vec::new());
    for _ in 0..MAX_INTERPRETERS {
        let file = root.file(&at).ok()?;
        if file.metadata().ok()?.permissions().mode() & 0o111 == 0 {
            return (at != program).then_some(found);
        }
        if at != program {
            found.push(at.clone());
        }
        if let Ok(Some(elf)) = Elf::read(&file) {
            found.extend(libraries(&root, &at, &elf));
            return Some(found);
        }
        let mut line = [0; FIRST_LINE];
        let length = file.read_at(&mut line, 0).ok()?;
        match interpreter(&line[..length]) {
            Some(path) => at = path,
            // What comes to nothing as an interpreter is not one.
            None if at != program => {
                found.pop();
                return Some(found);
            }
            None => return None,
        }
    }
    Some(found)
}

/// The interpreter that a script's first line names: an absolute path.
fn interpreter(line: &[u8]) -> Option<PathBuf> {
    let line = line.strip_prefix(b"#!")?.split(|byte| *byte == b'\n').next()?.trim_ascii();
    let word = line.split(|byte| b" \t".contains(byte)).next()?;
    let path = PathBuf::from(std::ffi::OsStr::from_bytes(word));
    path.is_absolute().then_some(path)
}

fn libraries(root: &Root, program: &Path, elf: &Elf) -> Vec<PathBuf> {
    if elf.needed.len() > MAX_LIBRARIES {
        return Vec::new();
    }
    let program = Needed { from: program.to_owned(), to: program.to_owned() };
    let found = Loader::of(root).needs(&program, elf, None).unwrap_or_default();
    // The loader's name may be anything's.
    let is_elf = |path: &PathBuf| {
        let mut magic = [0; 4];
        root.file(path).is_ok_and(|file| file.read_exact_at(&mut magic, 0).is_ok() && magic == *b"\x7fELF")
    };
    found.into_iter().map(|it| it.from).filter(is_elf).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::fs;

    fn executable(path: &Path, text: &str) {
        fs::write(path, text).unwrap();
        fs::set_permissions(path, fs::Permissions::from_mode(0o755)).unwrap();
    }

    #[test]
    fn a_script_needs_its_interpreters_and_their_loader() {
        let directory = tempfile::tempdir().unwrap();
        let at = |name: &str| directory.path().canonicalize().unwrap().join(name);
        fs::copy("/bin/sh", at("shell")).unwrap();
        executable(&at("middle"), &format!("#! {} -e\n", at("shell").display()));
        executable(&at("script"), &format!("#!{}\n", at("middle").display()));
        let found = needs(&at("script")).unwrap();
        assert_eq!(found[..2], [at("middle"), at("shell")]);
        assert_eq!(found[2..], needs(Path::new("/bin/sh")).unwrap());
    }

    #[test]
    fn what_is_no_program_is_not_taken_for_an_interpreter() {
        let directory = tempfile::tempdir().unwrap();
        let at = |name: &str| directory.path().canonicalize().unwrap().join(name);
        fs::write(at("secret"), "secret").unwrap();
        executable(&at("script"), &format!("#!{}\n", at("secret").display()));
        assert_eq!(needs(&at("script")), Some(Vec::new()));
        executable(&at("secret"), "secret, and executable");
        assert_eq!(needs(&at("script")), Some(Vec::new()));
        assert_eq!(needs(&at("secret")), None);
    }
}
