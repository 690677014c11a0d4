//! The student's progress, in a plain file in the workspace: `progress.toml`.
//!
//! It holds names and no paths, so that the folder can be moved. Entries that this grader does not know, such as steps
//! of another set of labs, are kept. A missing file is created again: every run measures what passes, and the file only
//! tells what passed before.
//!
//! ```toml
//! runs = 2
//!
//! [lab1-namespaces]
//! green = ["starts", "mount"]            # the checks that passed when they were last judged
//! holds = ["mount-namespace"]            # the steps that were written and passed
//! hints = { private-propagation = 1 }    # how many hints were shown
//! ```

use crate::atomic_write;
use crate::beneath::Directory;
use crate::report::{Check, TargetReport};
use crate::student::lab_progress::{LabProgress, StepState};
use anyhow::{Context, Result, ensure};
use nix::libc;
use nix::sys::stat::SFlag;
use std::io::{self, Read};
use std::path::{Path, PathBuf};
use toml::{Table, Value};

/// The name of the file in the workspace.
pub const FILE: &str = "progress.toml";

const HEAD: &str = "\
# What `grader` has measured in this workspace. It reads this file and writes it, and nothing of it leaves this
# machine. You may delete it: the next run makes a new one.

";

/// The maximum size of the file, in bytes.
const MAX_BYTES: u64 = 1 << 20;

/// The progress.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct ProgressFile {
    /// The file as it was read, so that unknown entries are kept.
    table: Table,
}

/// What a run has changed in a lab.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct News {
    /// The lab.
    pub lab: String,
    /// The checks that pass now and did not before.
    pub won: Vec<String>,
    /// The checks that passed before and do not now.
    pub lost: Vec<String>,
}

/// An unreadable file that was renamed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SetAside {
    /// Why it can't be read.
    pub why: String,
    /// Its new path.
    pub path: PathBuf,
}

impl ProgressFile {
    /// Reads the file of the workspace at `root`, which may be missing. An unreadable file is renamed, and nothing is
    /// taken from it.
    ///
    /// # Errors
    /// It can't be renamed.
    pub fn read(root: &Path) -> Result<(ProgressFile, Option<SetAside>)> {
        let path = root.join(FILE);
        let why = match text(root).and_then(|text| text.map(|text| parse(&text)).transpose()) {
            Ok(table) => return Ok((ProgressFile { table: table.unwrap_or_default() }, None)),
            Err(error) => format!("{error:#}"),
        };
        let aside =
            set_aside(root).with_context(|| format!("{}: {why}, and it can't be renamed", path.display()))?;
        Ok((ProgressFile::default(), Some(SetAside { why, path: root.join(aside) })))
    }

    /// How often the labs were graded here.
    pub fn runs(&self) -> i64 {
        self.table.get("runs").and_then(Value::as_integer).unwrap_or(0)
    }

    /// Counts one more run.
    pub fn count_run(&mut self) {
        self.table.insert("runs".into(), Value::Integer(self.runs().saturating_add(1)));
    }

    /// The names in a list of a lab: `green` or `holds`.
    pub fn list(&self, lab: &str, list: &str) -> Vec<&str> {
        let list = self.table.get(lab).and_then(|lab| lab.get(list)).and_then(Value::as_array);
        list.into_iter().flatten().filter_map(Value::as_str).collect()
    }

    /// How many hints for a step the person has asked for.
    pub fn hints(&self, lab: &str, step: &str) -> usize {
        let hints = self.table.get(lab).and_then(|lab| lab.get("hints")).and_then(|hints| hints.get(step));
        hints.and_then(Value::as_integer).and_then(|number| number.try_into().ok()).unwrap_or(0)
    }

    /// Records that so many hints for a step were shown. The number never falls.
    pub fn show_hints(&mut self, lab: &str, step: &str, number: usize) {
        let number = number.max(self.hints(lab, step));
        let hints = self.lab(lab).entry("hints").or_insert_with(|| Value::Table(Table::new()));
        if !hints.is_table() {
            *hints = Value::Table(Table::new());
        }
        if let Some(hints) = hints.as_table_mut() {
            hints.insert(step.into(), Value::Integer(number.try_into().unwrap_or(i64::MAX)));
        }
    }

    /// Records the verdicts of a lab, and returns what is new. A check that was not judged this time keeps its old
    /// state.
    pub fn record(&mut self, progress: &LabProgress, report: &TargetReport) -> News {
        let lab = progress.lab.as_str();
        let judged = |id: &str| {
            let check = report.checks.iter().find(|check| check.id == id);
            check.filter(|check| !check.is_unjudgeable_here()).map(Check::is_green)
        };
        let before: Vec<String> = self.list(lab, "green").into_iter().map(str::to_owned).collect();
        let lost: Vec<String> = before.iter().filter(|id| judged(id) == Some(false)).cloned().collect();
        let of_now = report.checks.iter().map(|check| &check.id).filter(|id| judged(id) == Some(true));
        let won: Vec<String> = of_now.filter(|id| !before.contains(id)).cloned().collect();
        let kept = before.iter().filter(|id| !lost.contains(id));
        let green: Vec<Value> = kept.chain(&won).map(|id| Value::from(id.as_str())).collect();

        // Keep steps that this grader does not know: another version wrote them.
        let unknown = |name: &&str| progress.steps.iter().all(|place| place.step.id.name != **name);
        let unknown: Vec<Value> =
            self.list(lab, "holds").into_iter().filter(unknown).map(Value::from).collect();
        let holds = progress.steps.iter().filter(|place| place.state == StepState::Passed);
        let holds = holds.map(|place| Value::from(place.step.id.name.as_str())).chain(unknown).collect();
        let table = self.lab(lab);
        table.insert("green".into(), Value::Array(green));
        table.insert("holds".into(), Value::Array(holds));
        News { lab: lab.into(), won, lost }
    }

    fn lab(&mut self, lab: &str) -> &mut Table {
        let entry = self.table.entry(lab).or_insert_with(|| Value::Table(Table::new()));
        if !entry.is_table() {
            *entry = Value::Table(Table::new());
        }
        entry.as_table_mut().expect("it was made one")
    }

    /// Writes the file of the workspace at `root` atomically. Under sudo its owner is the caller.
    ///
    /// # Errors
    /// The file can't be written; the old one is unchanged.
    pub fn write(&self, root: &Path) -> Result<()> {
        let path = root.join(FILE);
        let text = format!("{HEAD}{}", toml::to_string(&self.table)?);
        atomic_write::write(&path, text.as_bytes()).with_context(|| path.display().to_string())
    }
}

/// The text of the file in this directory, if there is one.
fn text(root: &Path) -> Result<Option<String>> {
    // Open no link, which may lead anywhere, and no named pipe, which would block.
    let file = match Directory::open(root)?.entry(FILE) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
        Ok(found) => {
            ensure!(found.is(SFlag::S_IFREG), "it is not a regular file");
            found.read()?
        }
        Err(error) => return Err(error.into()),
    };
    let mut text = String::new();
    file.take(MAX_BYTES + 1).read_to_string(&mut text)?;
    ensure!(text.len() as u64 <= MAX_BYTES, "it is longer than {MAX_BYTES} bytes");
    Ok(Some(text))
}

/// Renames the file to an unused name, and returns that name.
fn set_aside(root: &Path) -> io::Result<String> {
    let directory = Directory::open(root)?;
    let mut number = 1;
    loop {
        let aside = aside(number);
        match directory.rename_with(FILE.as_ref(), &directory, aside.as_ref(), libc::RENAME_NOREPLACE) {
            Err(error) if error.kind() == io::ErrorKind::AlreadyExists => number += 1,
            renamed => return renamed.map(|()| aside),
        }
    }
}

fn parse(text: &str) -> Result<Table> {
    text.parse().map_err(|error: toml::de::Error| {
        let line = error.span().map_or(1, |span| text[..span.start].matches('\n').count() + 1);
        anyhow::anyhow!("line {line}: {}", error.message())
    })
}

/// The new name of an unreadable file.
fn aside(number: u32) -> String {
    match number {
        1 => format!("{FILE}.broken"),
        number => format!("{FILE}.broken-{number}"),
    }
}

#[cfg(test)]
mod tests;
