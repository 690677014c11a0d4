//! Which programs a target has executed that are not its own.
//!
//! Its own are the program itself, once more too (`/proc/self/exe`, or a copy in memory), and what its command template names:
//! the template is the words of whoever grades. So is what a template's own shell executes: `sh -c '...' {rootfs} {command}`.

use super::super::session::executions::Execution;
use crate::beneath::Directory;
use crate::decoy::Decoy;
use crate::target::Target;
use crate::text;
use nix::fcntl::{OFlag, ResolveFlag};
use nix::sys::stat::{Mode, fstat};
use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

/// So many are named.
const MAX_NAMES: usize = 5;

/// Shells, by their file names.
const SHELLS: [&str; 6] = ["sh", "bash", "dash", "ash", "ksh", "zsh"];

/// Where a program without a slash in its name is looked for.
const PATH: [&str; 6] = ["/usr/local/sbin", "/usr/local/bin", "/usr/sbin", "/usr/bin", "/sbin", "/bin"];

/// What a template names.
pub struct Named {
    /// Device and inode of its programs.
    files: BTreeSet<(u64, u64)>,
    /// The same of a shell with a script for its argument, if it names one.
    shell: Option<(u64, u64)>,
}

impl Named {
    /// That of a target's template, as its decoy has the files.
    pub fn of(target: &Target, decoy: &Decoy) -> Named {
        let Ok(root) = Directory::open(Path::new(&format!("/proc/{}/root", decoy.pid1()))) else {
            return Named { files: BTreeSet::new(), shell: None };
        };
        let words = &target.template;
        let shell = (0..words.len()).find(|at| is_shell_with_script(&words[*at..]));
        let file = |word: &String| places(word, &target.cwd).find_map(|place| number(&root, &place));
        // Who names a shell for a script does not say that the program may execute one.
        let others = words.iter().enumerate().filter(|(at, word)| Some(*at) != shell && !word.contains('{'));
        Named {
            files: others.filter_map(|(_, word)| file(word)).collect(),
            shell: shell.and_then(|at| file(&words[at])),
        }
    }

    /// The names of all others. `command` is the file of the container's command. None where the host did not see that start.
    pub fn others(&self, seen: &[Execution], command: (u64, u64)) -> Option<Vec<String>> {
        seen.iter().find(|it| it.file == command)?;
        let shell = seen.iter().position(|it| Some(it.file) == self.shell);
        let mut own = self.files.clone();
        let mut others = Vec::new();
        for (at, it) in seen.iter().enumerate().filter(|(at, _)| Some(*at) != shell) {
            let is_the_scripts = shell.is_some() && it.by == shell;
            if at == 0 || is_the_scripts || own.contains(&it.file) {
                own.insert(it.file);
            } else if it.file != command {
                others.push(it.name.clone());
            }
        }
        let (first, more) = text::bounded(&others, MAX_NAMES);
        Some(first.iter().cloned().chain(more).collect())
    }
}

/// Whether these words begin with a shell that gets its script as an argument (sh(1), `-c`).
fn is_shell_with_script(words: &[String]) -> bool {
    let name = words.first().and_then(|word| Path::new(word).file_name());
    let mut options = words.iter().skip(1).take_while(|word| word.starts_with('-'));
    name.is_some_and(|name| SHELLS.iter().any(|shell| name == *shell))
        && options.any(|word| !word.starts_with("--") && word.contains('c'))
}

/// Where a word may name a program.
fn places(word: &str, cwd: &str) -> Box<dyn Iterator<Item = PathBuf>> {
    let here = Path::new(cwd).join(word);
    match word.contains('/') {
        true => Box::new(std::iter::once(here)),
        false => {
            let word = word.to_owned();
            Box::new(PATH.iter().map(move |place| Path::new(place).join(&word)).chain([here]))
        }
    }
}

/// Device and inode of a file in a decoy.
fn number(root: &Directory, path: &Path) -> Option<(u64, u64)> {
    let within = ResolveFlag::RESOLVE_IN_ROOT | ResolveFlag::RESOLVE_NO_MAGICLINKS;
    let file = fstat(root.resolve(path, OFlag::O_PATH, Mode::empty(), within).ok()?).ok()?;
    Some((file.st_dev, file.st_ino))
}

#[cfg(test)]
mod tests {
    use super::*;

    const COMMAND: (u64, u64) = (1, 100);

    /// Executions of files by their numbers, each by an earlier one.
    fn seen(list: &[(u64, Option<usize>)]) -> Vec<Execution> {
        let execution = |(file, by): &(u64, Option<usize>)| Execution {
            file: (1, *file),
            name: file.to_string(),
            by: *by,
        };
        list.iter().map(execution).collect()
    }

    fn others(named: &[u64], shell: Option<u64>, list: &[(u64, Option<usize>)]) -> Vec<String> {
        let files = named.iter().map(|file| (1, *file)).collect();
        Named { files, shell: shell.map(|file| (1, file)) }.others(&seen(list), COMMAND).unwrap()
    }

    #[test]
    fn what_a_program_executes_beside_itself_is_another() {
        // 7 is the program; it executes itself once more, then the command.
        assert!(others(&[7], None, &[(7, None), (7, Some(0)), (100, Some(1))]).is_empty());
        // The interpreter of a script.
        assert!(others(&[7], None, &[(5, None), (5, Some(0)), (100, Some(1))]).is_empty());
        // A wrapper that the template names: env(1), then the program.
        assert!(others(&[4, 7], None, &[(4, None), (7, Some(0)), (100, Some(1))]).is_empty());
        assert_eq!(others(&[7], None, &[(7, None), (8, Some(0)), (100, Some(0))]), ["8"]);
        assert_eq!(Named { files: BTreeSet::new(), shell: None }.others(&seen(&[(7, None)]), COMMAND), None);
    }

    #[test]
    fn what_the_templates_own_script_executes_is_none_and_what_the_program_executes_is() {
        // 5 is the shell: sh -c 'mkdir x; exec ./program "$@"'.
        let by_the_script = [(5, None), (6, Some(0)), (7, Some(0)), (100, Some(2))];
        assert!(others(&[], Some(5), &by_the_script).is_empty());
        // The program executes itself, then a shell, which executes mount(8).
        let by_the_program =
            [(5, None), (7, Some(0)), (7, Some(1)), (5, Some(2)), (6, Some(3)), (100, Some(2))];
        assert_eq!(others(&[], Some(5), &by_the_program), ["5", "6"]);
    }

    #[test]
    fn a_shell_with_a_script_is_found() {
        let is = |words: &[&str]| {
            is_shell_with_script(&words.iter().map(|word| (*word).to_owned()).collect::<Vec<_>>())
        };
        assert!(is(&["/bin/sh", "-ec", "x"]) && is(&["bash", "--norc", "-c", "x"]));
        assert!(
            !is(&["sh", "./run.sh", "-c"]) && !is(&["sh", "--check"]) && !is(&["./sh-c", "-c"]) && !is(&[])
        );
    }
}
