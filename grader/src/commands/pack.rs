//! `grader pack`: packs a submission. `grader pack --check FILE` checks one.

use super::UsageError;
use super::common::ReportOutput;
use crate::atomic_write;
use crate::beneath::{Directory, Entry};
use crate::caller::Caller;
use crate::labs::{self, Workspace};
use crate::student::pack::collect::{Collected, collect};
use crate::student::pack::{ManifestRow, archive, check};
use crate::text;
use anyhow::{Context, Result, anyhow, bail, ensure};
use nix::libc;
use nix::sys::stat::SFlag;
use std::fs;
use std::io::{self, ErrorKind, Write};
use std::path::{Path, PathBuf};

/// The maximum of lines shown of a submission's list.
const SHOWN: usize = 200;
/// The maximum of characters shown of a name in it.
const MAX_NAME: usize = 300;
/// Where the packed sources are built, below the workspace.
const PLACE: &str = "target/pack";

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
    if !options.no_build {
        builds(root, &found)
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
    let (left_out, more) = text::bounded(&found.left_out, SHOWN);
    for (name, why) in left_out {
        let why = if why.is_empty() { String::new() } else { format!(" ({why})") };
        text::say(&format!("left out: {}{why}", name_of(name)));
    }
    more.iter().for_each(|more| text::say(&format!("left out: {more}")));
    Ok(0)
}

/// Builds only the files that will be packed, in a directory of its own below the workspace's target directory.
fn builds(root: &Path, found: &Collected) -> Result<()> {
    let write = || write_sources(root, found);
    match Caller::of_sudo()? {
        Some(caller) => caller.does(write)??,
        None => write()?,
    }
    let place = root.join(PLACE);
    let workspace = Workspace::above(&place).filter(|it| it.root() == place);
    let workspace = workspace.context("the labs' manifests are not all there")?;
    let there: Vec<&str> = labs::ALL.into_iter().filter(|lab| workspace.lab(lab).is_dir()).collect();
    ensure!(!there.is_empty(), "there is no lab");
    labs::check(&workspace, &there)
}

/// Writes the files to be packed to the build directory. Old build results may stay; old sources are removed. No link
/// is followed, since the workspace is untrusted.
fn write_sources(root: &Path, found: &Collected) -> Result<()> {
    let mut place = Directory::open(root).with_context(|| root.display().to_string())?;
    for name in Path::new(PLACE) {
        let name = Path::new(name);
        let made = place.make(name, None).or_else(|error| match error.kind() {
            ErrorKind::AlreadyExists => place.below(name),
            _ => Err(error),
        });
        place = made.map_err(|error| match error.raw_os_error() {
            Some(libc::ELOOP) => anyhow!("{PLACE} is a link: not followed"),
            _ => anyhow::Error::new(error).context(PLACE),
        })?;
    }
    place.clear(|name| name == "target").context(PLACE)?;
    for file in &found.files {
        let path = Path::new(&file.name);
        let write = || {
            place.make_all(path.parent().unwrap_or(Path::new("")), None, |_| Ok(()))?;
            place.create(path, None)?.write_all(&file.bytes)
        };
        write().with_context(|| format!("{PLACE}/{}", file.name))?;
    }
    Ok(())
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
