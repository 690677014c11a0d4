//! `grader pack`: packs a submission. `grader pack --check FILE` checks one.

use super::UsageError;
use super::common::ReportOutput;
use crate::atomic_write;
use crate::beneath::Entry;
use crate::labs::Workspace;
use crate::student::pack::build::build;
use crate::student::pack::collect::{Collected, collect};
use crate::student::pack::{ManifestRow, archive, check};
use crate::text;
use anyhow::{Context, Result, bail};
use nix::sys::stat::SFlag;
use std::fs;
use std::io::{self, Write};
use std::path::{Path, PathBuf};

/// The maximum of lines shown of a submission's list.
const SHOWN: usize = 200;
/// The maximum of characters shown of a name in it.
const MAX_NAME: usize = 300;

/// What `grader pack` takes.
#[derive(clap::Args)]
pub struct Options {
    /// Write the archive to FILE
    #[arg(short, long, value_name = "FILE", default_value = "submission.tar.gz", conflicts_with = "check")]
    output: PathBuf,
    /// Pack it even if it does not build
    #[arg(long, conflicts_with = "check")]
    no_build: bool,
    /// Check an archive: compare its files, sizes and sums with its own list; nothing is unpacked
    #[arg(long, value_name = "FILE")]
    check: Option<PathBuf>,
}

/// Packs or checks.
pub fn run(options: &Options) -> Result<u8> {
    match &options.check {
        Some(path) => read_back(path),
        None => pack(options),
    }
}

fn pack(options: &Options) -> Result<u8> {
    let workspace = Workspace::find().ok_or_else(|| {
        UsageError("no workspace with the labs here, or above; see: grader starter --help".into())
    })?;
    let root = workspace.root();
    if root.join("grader/Cargo.toml").is_file() {
        let why = "this is the workspace of the grader itself; a submission is made in a student's";
        return Err(UsageError(format!("{why}: grader starter DIR")).into());
    }
    if options.output.is_dir() {
        return Err(UsageError(format!("--output {}: that is a directory", options.output.display())).into());
    }
    let found = collect(root)?;
    // Before the build: where that fails, one of these may be what it lacks.
    say_left_out(&found);
    if !options.no_build {
        build(&found.files)
            .context("the sources to be packed do not build; to pack them anyway: --no-build")?;
    }
    atomic_write::write(&options.output, &archive::write(&found.files)?)
        .with_context(|| format!("--output {}", options.output.display()))?;
    ReportOutput::Standard.finish(|out| {
        let bytes: usize = found.files.iter().map(|file| file.bytes.len()).sum();
        let rows: Vec<ManifestRow> = found.files.iter().map(ManifestRow::of).collect();
        list(&rows, out)?;
        writeln!(out, "\n{}: {} files, {bytes} bytes", options.output.display(), rows.len())?;
        if !options.no_build {
            writeln!(out, "It builds. To read it back: grader pack --check {}", options.output.display())?;
        }
        Ok(())
    })?;
    Ok(0)
}

fn say_left_out(found: &Collected) {
    let (left_out, more) = text::bounded(&found.left_out, SHOWN);
    for (name, why) in left_out {
        let why = if why.is_empty() { String::new() } else { format!(" ({why})") };
        text::say(&format!("left out: {}{why}", name_of(name)));
    }
    more.iter().for_each(|more| text::say(&format!("left out: {more}")));
}

fn read_back(path: &Path) -> Result<u8> {
    let open = || -> Result<fs::File> {
        // Opening a named pipe waits for a writer.
        let found = Entry::at(path)?;
        if !found.is(SFlag::S_IFREG) {
            bail!("it is not a regular file");
        }
        Ok(found.read()?)
    };
    let mut file = open().map_err(|error| UsageError(format!("--check {}: {error:#}", path.display())))?;
    let checked = check::check(&mut file).with_context(|| path.display().to_string())?;
    let name = path.display();
    if !checked.wrong.is_empty() {
        let (wrong, more) = text::bounded(&checked.wrong, SHOWN);
        let more = more.into_iter();
        for line in wrong.iter().cloned().chain(more) {
            text::say(&format!(
                "grader: {}: {}",
                text::line(&name.to_string()),
                text::cut(&text::line(&line), 2 * MAX_NAME)
            ));
        }
        return Ok(1);
    }
    ReportOutput::Standard.finish(|out| {
        list(&checked.rows, out)?;
        writeln!(out, "\n{name}: {} files, each as its list says", checked.rows.len())
    })?;
    Ok(0)
}

/// A name from an untrusted archive: one line of limited length.
fn name_of(name: &str) -> String {
    text::cut(&text::line(name), MAX_NAME)
}

fn list(rows: &[ManifestRow], out: &mut dyn Write) -> io::Result<()> {
    let (rows, more) = text::bounded(rows, SHOWN);
    for row in rows {
        writeln!(out, "{}  {:>7}  {}", text::line(&row.sha256), row.size, name_of(&row.name))?;
    }
    more.iter().try_for_each(|more| writeln!(out, "{more}"))
}
