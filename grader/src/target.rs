//! The target of a run: a lab, a program with the labs' command line, or any program with a command template.

mod files;
mod places;

use crate::decoy::layout;
use crate::report::{DecoyKind, TargetKind};
use anyhow::{Context, Result, bail, ensure};
use serde::{Deserialize, Serialize};
use std::collections::BTreeSet;
use std::fs;
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
    /// The command template.
    pub template: Vec<String>,
    /// Its files: their paths on the machine, and in the decoy.
    #[serde(with = "crate::path_bytes::pairs")]
    pub files: Vec<(PathBuf, PathBuf)>,
    /// Its working directory in the decoy.
    pub cwd: String,
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
            template: vec!["{command}".into()],
            files: Vec::new(),
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
            template: [&place, "{rootfs}", "{command}"].map(str::to_owned).to_vec(),
            // No component of the path may be a link when it is copied.
            files: vec![(fs::canonicalize(program).unwrap_or_else(|_| program.into()), place.into())],
            // Not the root directory: whoever goes there first would find a relative path all the same.
            cwd: "/srv".into(),
            decoy,
        }
    }

    /// A program by its path, with the labs' command line.
    pub fn program(path: &Path, decoy: DecoyKind) -> Result<Target> {
        let word = path.to_str().with_context(|| format!("{}: the name is not UTF-8", path.display()))?;
        let word = if word.contains('/') { word.to_owned() } else { format!("./{word}") };
        Target::template_words(
            &path.display().to_string(),
            vec![word, "{rootfs}".into(), "{command}".into()],
            decoy,
        )
    }

    /// Any program with a template such as `./contain run --rootfs {rootfs} -- {command}`.
    pub fn template(template: &str, decoy: DecoyKind) -> Result<Target> {
        let words = shell_words::split(template).with_context(|| format!("--program '{template}'"))?;
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
        Target::template_words(template, words, decoy)
    }

    fn template_words(id: &str, mut words: Vec<String>, decoy: DecoyKind) -> Result<Target> {
        let cwd = std::env::current_dir().context("the current directory")?;
        let first = words.first().context("an empty template")?;
        let program = find_program(first, &cwd)?;
        if !first.contains('/') {
            words[0] = program.to_string_lossy().into_owned();
        }
        let files = files::collect(&words, &cwd)?.into_iter().map(|path| (path.clone(), path)).collect();
        let name =
            Path::new(words[0].as_str()).file_name().unwrap_or_default().to_string_lossy().into_owned();
        let cwd = cwd.to_str().context("the current directory is not UTF-8")?.to_owned();
        Ok(Target { id: id.into(), name, what: What::Program, template: words, files, cwd, decoy })
    }

    /// Makes ids unique: a target that was typed twice gets a number.
    pub fn tell_apart(targets: &mut [Target]) {
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
        (!self.files.is_empty()).then(|| files::named(&self.files, Path::new(&self.cwd)))
    }

    /// The argv for a command; `command` are paths as seen inside the rootfs.
    pub fn argv(&self, command: &[String], id: &str) -> Vec<String> {
        let mut argv = Vec::new();
        for word in self.at(layout::ROOTFS) {
            match word.as_str() {
                "{command}" => argv.extend(command.iter().cloned()),
                _ => argv.push(word.replace("{id}", id)),
            }
        }
        argv
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

/// The first word as an executable file.
fn find_program(word: &str, cwd: &Path) -> Result<PathBuf> {
    let path = if word.contains('/') {
        cwd.join(word)
    } else {
        let places = ["/usr/local/bin", "/usr/local/sbin", "/usr/bin", "/usr/sbin", "/bin", "/sbin"];
        let found = places.iter().map(|place| Path::new(place).join(word)).find(|path| path.is_file());
        found.with_context(|| format!("{word}: no such program in {}", places.join(", ")))?
    };
    let it = fs::metadata(&path).with_context(|| format!("{}: can't be read", path.display()))?;
    if !it.is_file() {
        bail!("{}: not a program but a directory or device", path.display());
    }
    if std::os::unix::fs::PermissionsExt::mode(&it.permissions()) & 0o111 == 0 {
        bail!("{}: not executable; try: chmod +x {}", path.display(), path.display());
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
