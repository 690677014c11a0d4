//! The command line, the same for every lab: `labN-name [options] <directory> <command> [args...]`.
//!
//! Which options there are, a lab says itself, as data: see [`LabOption`]. Two are every lab's: [`QUIET`] and
//! `--help`.

#[cfg(test)]
mod tests;

use crate::error::{Result, Step};
use std::ffi::{CString, OsString};
use std::fs;
use std::io;
use std::os::unix::ffi::OsStringExt;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

/// Don't print how the command ended.
pub const QUIET: LabOption =
    LabOption { name: "--quiet", takes: Takes::Nothing, help: "don't print how the command ended" };

/// An option that a lab takes.
#[derive(Clone, Copy, Debug)]
pub struct LabOption {
    /// The option as it is typed, such as `--share`.
    pub name: &'static str,
    /// The value that follows it.
    pub takes: Takes,
    /// What the usage text says about it.
    pub help: &'static str,
}

/// The value that follows an option, as a word of its own. `name` stands for it in the usage text.
#[derive(Clone, Copy, Debug)]
pub enum Takes {
    /// None: the option is given or not.
    Nothing,
    /// One of these words.
    OneOf {
        /// Such as `NAME`.
        name: &'static str,
        /// All that are right.
        words: &'static [&'static str],
    },
    /// What a function of the lab says is right.
    Checked {
        /// Such as `SIZE`.
        name: &'static str,
        /// Ends the sentence "--memory takes ...", which a wrong value is answered with.
        what: &'static str,
        /// Whether a word is right.
        valid: fn(&str) -> bool,
    },
}

/// What the person asked for.
#[derive(Debug)]
pub struct Args {
    /// The directory that becomes the container's root: absolute, without symbolic links.
    pub rootfs: PathBuf,
    /// The command and its arguments.
    pub command: Vec<CString>,
    /// The options that were given, in their order: name and value.
    options: Vec<(&'static str, String)>,
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
    /// Reads the command line of `lab`, which takes these `options`.
    ///
    /// # Errors
    /// Help was asked for, an option is unknown or has no right value, or the directory can't be read.
    pub fn parse(
        lab: &str,
        options: &[LabOption],
        words: impl Iterator<Item = OsString>,
    ) -> std::result::Result<Args, Stop> {
        let wrong = |why: String| Stop::Usage(format!("{lab}: {why}\n{}", usage(lab, options)));
        let mut words = words.peekable();
        let mut given = Vec::new();

        while let Some(word) = words.next_if(|word| word.as_encoded_bytes().starts_with(b"-")) {
            match &*word.to_string_lossy() {
                "--" => break,
                "-h" | "--help" => return Err(Stop::Help(usage(lab, options))),
                name => match options.iter().find(|option| option.name == name) {
                    Some(option) => given.push((option.name, option.value(&mut words).map_err(wrong)?)),
                    None => return Err(wrong(format!("unknown option {name}"))),
                },
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
        Ok(Args { rootfs, command, options: given })
    }

    /// Whether this option was given.
    pub fn has(&self, option: &LabOption) -> bool {
        self.values(option).next().is_some()
    }

    /// The value of this option. Of several the last one counts.
    pub fn value(&self, option: &LabOption) -> Option<&str> {
        self.values(option).last()
    }

    /// All values of an option that may be repeated.
    pub fn values(&self, option: &LabOption) -> impl Iterator<Item = &str> {
        self.options.iter().filter(|(name, _)| *name == option.name).map(|(_, value)| value.as_str())
    }
}

impl LabOption {
    /// Takes this option's value from the words that follow it.
    ///
    /// # Errors
    /// It is missing or wrong: what the option takes.
    fn value(&self, words: &mut impl Iterator<Item = OsString>) -> std::result::Result<String, String> {
        let mut next = || words.next().and_then(|word| word.into_string().ok());
        let (value, what) = match self.takes {
            Takes::Nothing => return Ok(String::new()),
            Takes::OneOf { words, .. } => {
                (next().filter(|word| words.contains(&word.as_str())), format!("one of {}", words.join(", ")))
            }
            Takes::Checked { what, valid, .. } => (next().filter(|word| valid(word)), what.to_owned()),
        };
        value.ok_or_else(|| format!("{} takes {what}", self.name))
    }

    /// How it is typed: `--share NAME`.
    fn synopsis(&self) -> String {
        match self.takes {
            Takes::Nothing => self.name.to_owned(),
            Takes::OneOf { name, .. } | Takes::Checked { name, .. } => format!("{} {name}", self.name),
        }
    }
}

/// The directory as an absolute path, if it is one that can be read.
fn directory_at(path: &Path) -> Result<PathBuf> {
    let name = path.display().to_string();
    fs::read_dir(path).step(&name)?;
    fs::canonicalize(path).step(&name)
}

fn usage(lab: &str, options: &[LabOption]) -> String {
    let mut text = format!(
        "Usage: {lab} [options] <directory> <command> [args...]\n\n\
         Runs <command> in a container whose root is <directory>.\n\nOptions:"
    );
    let help = LabOption { name: "--help", takes: Takes::Nothing, help: "print this text" };
    for option in options.iter().chain([&help]) {
        text.push_str(&format!("\n  {:<14} {}", option.synopsis(), option.help));
    }
    text
}
