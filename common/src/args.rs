//! The command line, the same for every lab: `labN-name [options] <directory> <command> [args...]`.

use crate::error::{Result, Step};
use std::ffi::{CString, OsString};
use std::fs;
use std::io;
use std::os::unix::ffi::OsStringExt;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

/// The names that `--share` takes: the namespaces of namespaces(7), as the OCI runtime spec calls them.
pub const NAMESPACES: [&str; 7] = ["cgroup", "ipc", "mount", "network", "pid", "time", "uts"];

/// What the person asked for.
#[derive(Debug)]
pub struct Args {
    /// The directory that becomes the container's root: absolute, without symbolic links.
    pub rootfs: PathBuf,
    /// The command and its arguments.
    pub command: Vec<CString>,
    /// Don't print how the command ended.
    pub quiet: bool,
    /// Make a user namespace also as root.
    pub userns: bool,
    share: Vec<String>,
}

/// Why there are no arguments: what to print, and the exit code.
#[derive(Debug)]
pub enum Stop {
    /// The person asked for help.
    Help(String),
    /// The command line is wrong.
    Usage(String),
    /// The directory can't be used.
    Directory(String),
}

impl Stop {
    /// Prints the reason and gives the exit code.
    pub fn report(&self) -> ExitCode {
        match self {
            Stop::Help(text) => {
                crate::tell(&mut io::stdout(), text);
                ExitCode::SUCCESS
            }
            Stop::Usage(text) | Stop::Directory(text) => {
                crate::tell(&mut io::stderr(), text);
                ExitCode::FAILURE
            }
        }
    }
}

impl Args {
    /// Reads the command line of `lab`, which knows the given `options`.
    pub fn parse(
        lab: &str,
        options: &[&str],
        words: impl Iterator<Item = OsString>,
    ) -> std::result::Result<Args, Stop> {
        let wrong = |why: String| Stop::Usage(format!("{lab}: {why}\n{}", usage(lab, options)));
        let mut words = words.peekable();
        let (mut quiet, mut userns, mut share) = (false, false, Vec::new());

        while let Some(option) = words.next_if(|word| word.as_encoded_bytes().starts_with(b"-")) {
            let option = option.to_string_lossy().into_owned();
            match option.as_str() {
                "--" => break,
                "-h" | "--help" => return Err(Stop::Help(usage(lab, options))),
                known if !options.contains(&known) => return Err(wrong(format!("unknown option {option}"))),
                "--quiet" => quiet = true,
                "--userns" => userns = true,
                "--share" => {
                    let name = words.next().unwrap_or_default().to_string_lossy().into_owned();
                    if !NAMESPACES.contains(&name.as_str()) {
                        return Err(wrong(format!("--share takes one of {}", NAMESPACES.join(", "))));
                    }
                    share.push(name);
                }
                _ => return Err(wrong(format!("unknown option {option}"))),
            }
        }
        let Some(directory) = words.next() else { return Err(Stop::Usage(usage(lab, options))) };
        // An argument can't hold a NUL byte: execve(2) ends it there.
        let command: Vec<CString> = words.filter_map(|word| CString::new(word.into_vec()).ok()).collect();
        if command.is_empty() {
            return Err(Stop::Usage(usage(lab, options)));
        }
        let rootfs =
            directory_at(Path::new(&directory)).map_err(|e| Stop::Directory(format!("{lab}: {e}")))?;
        Ok(Args { rootfs, command, quiet, userns, share })
    }

    /// Whether `--share` named this namespace: the container then stays in the host's.
    pub fn shares(&self, namespace: &str) -> bool {
        self.share.iter().any(|name| name == namespace)
    }
}

/// The directory as an absolute path, if it is one that can be read.
fn directory_at(path: &Path) -> Result<PathBuf> {
    let name = path.display().to_string();
    fs::read_dir(path).step(&name)?;
    fs::canonicalize(path).step(&name)
}

fn usage(lab: &str, options: &[&str]) -> String {
    let mut text = format!(
        "Usage: {lab} [options] <directory> <command> [args...]\n\n\
         Runs <command> in a container whose root is <directory>.\n\nOptions:"
    );
    for (option, what) in [
        ("--quiet", "--quiet        don't print how the command ended"),
        ("--userns", "--userns       make a user namespace also as root"),
        ("--share", "--share NAME   stay in the host's namespace NAME (may be repeated)"),
    ] {
        if options.contains(&option) {
            text.push_str("\n  ");
            text.push_str(what);
        }
    }
    text.push_str("\n  --help         print this text");
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    const ALL: &[&str] = &["--quiet", "--userns", "--share"];

    fn parse(options: &[&str], words: &[&str]) -> std::result::Result<Args, Stop> {
        Args::parse("lab", options, words.iter().map(OsString::from))
    }

    #[test]
    fn options_end_where_the_directory_begins() {
        let args = parse(ALL, &["--share", "uts", "/", "ls", "--quiet"]).unwrap();
        assert!(args.shares("uts") && !args.shares("ipc") && !args.quiet);
        assert_eq!(args.command, [c"ls".to_owned(), c"--quiet".to_owned()]);
    }

    #[test]
    fn a_lab_knows_only_its_own_options() {
        assert!(matches!(parse(&["--quiet"], &["--userns", "/", "ls"]), Err(Stop::Usage(_))));
        assert!(matches!(parse(ALL, &["--share", "nothing", "/", "ls"]), Err(Stop::Usage(_))));
    }

    #[test]
    fn the_directory_becomes_absolute() {
        assert!(parse(ALL, &["src/", "ls"]).unwrap().rootfs.is_absolute());
        assert!(matches!(parse(ALL, &["/dev/null", "ls"]), Err(Stop::Directory(_))));
    }
}
