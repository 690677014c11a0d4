//! What a program of the machine needs to start: the interpreters of a script, the loader, the libraries.

use super::elf::Elf;
use super::loader::{Loader, Needed};
use super::root::Root;
use nix::unistd::AccessFlags;
use std::ffi::{OsStr, OsString};
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::{FileExt, PermissionsExt};
use std::path::{Path, PathBuf};

/// How many interpreters may stand between a script and a program (execve(2)).
const MAX_INTERPRETERS: usize = 5;

/// The kernel reads no more of a script's first line (BINPRM_BUF_SIZE).
const FIRST_LINE: usize = 256;

/// Where a program is looked for, on the machine and in a decoy.
pub const SEARCH_PATH: [&str; 6] =
    ["/usr/local/sbin", "/usr/local/bin", "/usr/sbin", "/usr/bin", "/sbin", "/bin"];

/// No program has more libraries; whoever wrote the file may have written anything.
const MAX_LIBRARIES: usize = 1000;

/// What a program needs to start.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct Needs {
    /// Interpreters, in order, each by the path that names it.
    pub interpreters: Vec<PathBuf>,
    /// The loader and the libraries, of the program or of the last interpreter.
    pub libraries: Vec<PathBuf>,
    /// Directories of PATH in which env(1) finds an interpreter.
    pub search: Vec<PathBuf>,
    /// What is not there, in words.
    pub missing: Vec<String>,
}

/// What the program at this path needs to start. `path` are the directories in which env(1) looks. None where it is no
/// program: neither ELF nor a script, or not executable.
pub fn needs(program: &Path, path: &[PathBuf]) -> Option<Needs> {
    let root = Root::machine().ok()?;
    let (mut at, mut needs, mut asked) = (program.to_owned(), Needs::default(), None);
    for _ in 0..MAX_INTERPRETERS {
        let is_program = at == program;
        let Ok(file) = root.file(&at) else {
            needs.missing.push(format!("{}, an interpreter of {}", at.display(), program.display()));
            return (!is_program).then_some(needs);
        };
        if file.metadata().ok()?.permissions().mode() & 0o111 == 0 {
            return (!is_program).then_some(needs);
        }
        if !is_program {
            needs.interpreters.push(at.clone());
        }
        if let Ok(Some(elf)) = Elf::read(&file) {
            needs.add_libraries(&root, &at, &elf);
            match asked.take() {
                Some(name) => match needs.look_for(name, path) {
                    Some(found) => at = found,
                    None => return Some(needs),
                },
                None => return Some(needs),
            }
            continue;
        }
        let mut line = [0; FIRST_LINE];
        let length = file.read_at(&mut line, 0).ok()?;
        let line = words(&line[..length]);
        match line.first().map(PathBuf::from).filter(|path| path.is_absolute()) {
            Some(path) => {
                asked = (path.file_name() == Some(OsStr::new("env"))).then(|| env_name(&line[1..])).flatten();
                at = path;
            }
            // What comes to nothing as an interpreter is not one.
            None if !is_program => {
                needs.interpreters.pop();
                return Some(needs);
            }
            None => return None,
        }
    }
    Some(needs)
}

/// The words of a script's first line after `#!`: an interpreter and its arguments.
fn words(line: &[u8]) -> Vec<OsString> {
    let line = line.strip_prefix(b"#!").and_then(|rest| rest.split(|byte| *byte == b'\n').next());
    let words =
        line.unwrap_or_default().split(|byte| b" \t\r\0".contains(byte)).filter(|word| !word.is_empty());
    words.map(|word| OsStr::from_bytes(word).to_owned()).collect()
}

/// What env(1) executes: the first argument that is neither an option nor an assignment.
fn env_name(arguments: &[OsString]) -> Option<OsString> {
    let is_name = |word: &&OsString| {
        let bytes = word.as_bytes();
        !bytes.starts_with(b"-") && !bytes.contains(&b'=')
    };
    let name = arguments.iter().map(|word| {
        word.as_bytes().strip_prefix(b"-S").map_or(word.clone(), |rest| OsStr::from_bytes(rest).into())
    });
    name.filter(|word| !word.is_empty()).find(|word| is_name(&word))
}

impl Needs {
    /// The program of this name, as env(1) finds it in a decoy: in the usual directories first.
    fn look_for(&mut self, name: OsString, path: &[PathBuf]) -> Option<PathBuf> {
        if name.as_bytes().contains(&b'/') {
            return Some(name.into());
        }
        let usual = SEARCH_PATH.iter().map(Path::new);
        let mut others = path.iter().map(PathBuf::as_path).filter(|directory| directory.is_absolute());
        let is_there = |directory: &&Path| {
            let access = nix::unistd::access(&directory.join(&name), AccessFlags::X_OK);
            access.is_ok() && directory.join(&name).is_file()
        };
        if let Some(directory) = usual.clone().find(is_there) {
            return Some(directory.join(&name));
        }
        let Some(directory) = others.find(is_there) else {
            self.missing.push(format!("{}, which env(1) looks for in PATH", name.display()));
            return None;
        };
        self.search.push(directory.to_owned());
        Some(directory.join(&name))
    }

    fn add_libraries(&mut self, root: &Root, program: &Path, elf: &Elf) {
        if elf.needed.len() > MAX_LIBRARIES {
            return;
        }
        let program = Needed { from: program.to_owned(), to: program.to_owned() };
        let found = Loader::of(root).needs(&program, elf, None).unwrap_or_else(|missing| {
            self.missing.push(missing.to_string());
            Vec::new()
        });
        // The loader's name may be anything's.
        let is_elf = |path: &PathBuf| {
            let mut magic = [0; 4];
            root.file(path)
                .is_ok_and(|file| file.read_exact_at(&mut magic, 0).is_ok() && magic == *b"\x7fELF")
        };
        self.libraries.extend(found.into_iter().map(|it| it.from).filter(is_elf));
    }
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
        let found = needs(&at("script"), &[]).unwrap();
        assert_eq!(found.interpreters, [at("middle"), at("shell")]);
        assert_eq!(found.libraries, needs(Path::new("/bin/sh"), &[]).unwrap().libraries);
    }

    #[test]
    fn what_is_no_program_is_not_taken_for_an_interpreter() {
        let directory = tempfile::tempdir().unwrap();
        let at = |name: &str| directory.path().canonicalize().unwrap().join(name);
        fs::write(at("secret"), "secret").unwrap();
        executable(&at("script"), &format!("#!{}\n", at("secret").display()));
        assert_eq!(needs(&at("script"), &[]), Some(Needs::default()));
        executable(&at("secret"), "secret, and executable");
        assert_eq!(needs(&at("script"), &[]), Some(Needs::default()));
        assert_eq!(needs(&at("secret"), &[]), None);
    }
    #[test]
    fn env_finds_what_the_usual_directories_have_and_then_what_path_has() {
        let directory = tempfile::tempdir().unwrap();
        let place = directory.path().canonicalize().unwrap();
        fs::copy("/bin/sh", place.join("other-sh")).unwrap();
        fs::copy("/bin/sh", place.join("sh")).unwrap();
        for (line, name, searched) in [
            ("/usr/bin/env other-sh", Some("other-sh"), true),
            ("/usr/bin/env -S -i A=b other-sh -e", Some("other-sh"), true),
            ("/usr/bin/env sh", Some("sh"), false),
            ("/usr/bin/env no-such-sh", None, false),
        ] {
            executable(&place.join("script"), &format!("#!{line}\n"));
            let found = needs(&place.join("script"), std::slice::from_ref(&place)).unwrap();
            let last = found.interpreters.last().unwrap();
            assert_eq!(last.file_name(), Some(OsStr::new(name.unwrap_or("env"))), "{line}");
            assert_eq!(found.search == [place.clone()], searched, "{line}");
            assert_eq!(found.missing.is_empty(), name.is_some(), "{line}: {:?}", found.missing);
        }
        executable(&place.join("script"), "#!/no/such\n");
        let missing = needs(&place.join("script"), &[]).unwrap().missing;
        assert!(missing[0].starts_with("/no/such, an interpreter of "), "{missing:?}");
    }
}
