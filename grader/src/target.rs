//! The target of a run: a lab, a program with the labs' command line, or any program with a command template.

mod files;
mod names;
mod places;

use crate::decoy::layout;
use crate::report::{DecoyKind, TargetKind};
use crate::rootfs::SEARCH_PATH;
use anyhow::{Context, Result, bail, ensure};
use files::Collected;
use nix::unistd::AccessFlags;
use serde::{Deserialize, Serialize};
use std::collections::BTreeSet;
use std::ffi::{OsStr, OsString};
use std::fs;
use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};

/// A program that makes a container.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Target {
    /// Identifies it: the words as typed. See [`Target::tell_apart`].
    pub id: String,
    /// Its name in reports, which need not be unique.
    pub name: String,
    /// What it is.
    pub what: What,
    /// The program, as it is called in the decoy: any bytes, in which nothing is filled in. Empty for the bare host.
    #[serde(with = "crate::path_bytes")]
    pub program: PathBuf,
    /// The command template: the words after it.
    pub template: Vec<String>,
    /// Its files: their paths on the machine, and in the decoy.
    #[serde(with = "crate::path_bytes::pairs")]
    pub files: Vec<(PathBuf, PathBuf)>,
    /// What the decoy lacks that the program may need, in words.
    pub lacks: Vec<String>,
    /// Where programs are looked for, besides the usual places, since an interpreter of its lies there.
    #[serde(with = "crate::path_bytes::words")]
    pub search: Vec<OsString>,
    /// Its working directory in the decoy.
    #[serde(with = "crate::path_bytes")]
    pub cwd: PathBuf,
    /// The kind of decoy host that it runs in.
    pub decoy: DecoyKind,
}

/// What a target is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum What {
    /// No container at all: the command on the bare decoy host, for the positive control.
    Bare,
    /// A lab of the workspace, by its number.
    Lab(usize),
    /// Any other program.
    Program,
}

impl What {
    /// Its number, where it is a lab.
    pub fn lab(self) -> Option<usize> {
        match self {
            What::Lab(number) => Some(number),
            What::Bare | What::Program => None,
        }
    }

    /// The kind for a report, which knows a lab by its name.
    pub fn kind(self) -> TargetKind {
        match self {
            What::Bare => TargetKind::Bare,
            What::Lab(_) => TargetKind::Lab,
            What::Program => TargetKind::Program,
        }
    }
}

/// The placeholders of a template.
const PLACEHOLDERS: [&str; 3] = ["{rootfs}", "{command}", "{id}"];

impl Target {
    /// The bare decoy host.
    pub fn bare(decoy: DecoyKind) -> Target {
        Target {
            id: "bare".into(),
            name: "bare".into(),
            what: What::Bare,
            program: PathBuf::new(),
            template: vec!["{command}".into()],
            files: Vec::new(),
            lacks: Vec::new(),
            search: Vec::new(),
            cwd: "/".into(),
            decoy,
        }
    }

    /// A lab that was built: `program` is its binary.
    pub fn lab(number: usize, name: &str, program: &Path, decoy: DecoyKind) -> Target {
        let place = format!("/srv/{name}");
        Target {
            id: name.into(),
            name: name.into(),
            what: What::Lab(number),
            template: ["{rootfs}", "{command}"].map(str::to_owned).to_vec(),
            // No component of the path may be a link when it is copied.
            files: vec![(fs::canonicalize(program).unwrap_or_else(|_| program.into()), place.clone().into())],
            program: place.into(),
            // Not the root directory: whoever goes there first would find a relative path all the same.
            cwd: "/srv".into(),
            ..Target::bare(decoy)
        }
    }

    /// A program by its path, with the labs' command line.
    pub fn program(path: &Path, decoy: DecoyKind) -> Result<Target> {
        let is_name = path.components().count() == 1 && path.is_relative();
        let program = if is_name { Path::new(".").join(path) } else { path.to_owned() };
        let words = ["{rootfs}", "{command}"].map(str::to_owned).to_vec();
        Target::called(&path.display().to_string(), program, words, decoy)
    }

    /// Any program with a template such as `./contain run --rootfs {rootfs} -- {command}`.
    pub fn template(template: &str, decoy: DecoyKind) -> Result<Target> {
        let mut words = shell_words::split(template).with_context(|| format!("--program '{template}'"))?;
        ensure!(
            words.iter().any(|word| word == "{command}"),
            "--program '{template}': {{command}} is missing: the placeholder for the command and its \
             arguments, as in './contain {{rootfs}} {{command}}'"
        );
        // Braces inside a word may be the program's own: a shell's, a format's.
        let unknown =
            words.iter().find(|word| is_placeholder(word) && !PLACEHOLDERS.contains(&word.as_str()));
        if let Some(word) = unknown {
            bail!(
                "--program '{template}': {word} is not a placeholder; there are {}",
                PLACEHOLDERS.join(", ")
            );
        }
        ensure!(words[0] != "{command}", "--program '{template}': it begins with no program");
        let program = words.remove(0).into();
        Target::called(template, program, words, decoy)
    }

    fn called(id: &str, mut program: PathBuf, words: Vec<String>, decoy: DecoyKind) -> Result<Target> {
        let cwd = match std::env::current_dir() {
            Ok(cwd) => cwd,
            // It was removed. Whoever has no need of it is none the worse.
            Err(_) if program.is_absolute() || program.components().count() == 1 => "/".into(),
            Err(error) => {
                return Err(error).context("the current directory; this helps: cd to one that is there");
            }
        };
        let found = find_program(&program, &cwd)?;
        if program.components().count() == 1 {
            program = found;
        }
        let Collected { files, lacks, search } = files::collect(&program, &words, &cwd)?;
        if let Some(taken) = files.iter().chain([&cwd]).find(|path| layout::is_taken(path)) {
            bail!(
                "{}: the decoy host has something of its own there; this helps: mv the program to another directory",
                taken.display()
            );
        }
        let files = files.into_iter().map(|path| (path.clone(), path)).collect();
        let named = names::program(&program, &words, &cwd);
        let name = named.file_name().unwrap_or_default().to_string_lossy().into_owned();
        Ok(Target {
            id: id.into(),
            name,
            what: What::Program,
            program,
            template: words,
            files,
            lacks,
            search,
            cwd,
            decoy,
        })
    }

    /// Makes ids unique: a target that was typed twice gets a number. Programs with one name get as much of their paths into
    /// it as tells them apart.
    pub fn tell_apart(targets: &mut [Target]) {
        names::tell_apart(targets);
        let mut known = BTreeSet::new();
        for target in targets {
            let asked = target.id.clone();
            for number in 2.. {
                if known.insert(target.id.clone()) {
                    break;
                }
                target.id = format!("{asked} #{number}");
            }
        }
    }

    /// The files that are copied into its decoy, in words of limited length; None where there are none.
    pub fn copied(&self) -> Option<String> {
        (!self.files.is_empty()).then(|| files::named(&self.files, &self.cwd))
    }

    /// The argv for a command; `command` are paths as seen inside the rootfs.
    pub fn argv(&self, command: &[String], id: &str) -> Vec<OsString> {
        let program = (self.what != What::Bare).then(|| self.program.clone().into());
        let mut argv: Vec<OsString> = program.into_iter().collect();
        for word in self.at(layout::ROOTFS) {
            match word.as_str() {
                "{command}" => argv.extend(command.iter().map(OsString::from)),
                _ => argv.push(word.replace("{id}", id).into()),
            }
        }
        argv
    }

    /// What the decoy lacks of what the program may need, as the end of a sentence.
    pub fn lacked(&self) -> String {
        let all: String = self.lacks.iter().map(|lack| format!("; {lack}")).collect();
        crate::text::cut(&all, 300)
    }

    /// PATH as it is in the program's environment, where that is not the usual one.
    pub fn search_path(&self) -> Option<String> {
        let more = self.search.join(OsStr::new(":"));
        (!more.is_empty()).then(|| format!("PATH={}:{}", SEARCH_PATH.join(":"), more.to_string_lossy()))
    }

    /// The command template with the path of the rootfs filled in.
    pub fn at(&self, rootfs: &str) -> Vec<String> {
        let path = Path::new(rootfs);
        let (parent, name) = (path.parent().unwrap_or(path), path.file_name().unwrap_or_default());
        let (parent, name) = (parent.to_string_lossy(), name.to_string_lossy());
        let fill = |word: &String| {
            word.replace("{rootfs.parent}", &parent)
                .replace("{rootfs.name}", &name)
                .replace("{rootfs}", rootfs)
        };
        self.template.iter().map(fill).collect()
    }
}

/// Whether a word is a name in braces.
fn is_placeholder(word: &str) -> bool {
    let name = word.strip_prefix('{').and_then(|rest| rest.strip_suffix('}')).unwrap_or_default();
    !name.is_empty() && name.chars().all(|c| c.is_ascii_alphabetic() || c == '_' || c == '-')
}

/// The program as an executable file that can be copied.
fn find_program(word: &Path, cwd: &Path) -> Result<PathBuf> {
    let path = if word.as_os_str().as_bytes().contains(&b'/') {
        cwd.join(word)
    } else {
        let found = SEARCH_PATH.iter().map(|place| Path::new(place).join(word)).find(|path| path.is_file());
        found.with_context(|| format!("{}: no such program in {}", word.display(), SEARCH_PATH.join(", ")))?
    };
    let it = fs::metadata(&path).with_context(|| format!("{}: can't be read", path.display()))?;
    if !it.is_file() {
        bail!("{}: not a program but a directory or device", path.display());
    }
    if std::os::unix::fs::PermissionsExt::mode(&it.permissions()) & 0o111 == 0 {
        bail!("{}: not executable; try: chmod +x {}", path.display(), path.display());
    }
    if let Err(errno) = nix::unistd::access(&path, AccessFlags::R_OK) {
        let shown = path.display();
        bail!("{shown}: {}, so it can't be copied into a decoy host; try: chmod +r {shown}", errno.desc());
    }
    Ok(path)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_template_is_filled_in_word_by_word() {
        let target =
            Target::template("/bin/echo -m {rootfs} {id}:{rootfs.name} -- {command}", DecoyKind::User)
                .unwrap();
        let argv = target.argv(&["/bin/cat".into(), "a b".into()], "7");
        assert_eq!(argv, ["/bin/echo", "-m", "/srv/rootfs", "7:rootfs", "--", "/bin/cat", "a b"]);
    }

    #[test]
    fn a_template_without_a_command_is_an_error() {
        let error = Target::template("/bin/echo {rootfs}", DecoyKind::User).unwrap_err().to_string();
        assert!(error.contains("{command} is missing"), "{error}");
    }
}
