//! `grader rootfs`: make, import or check a root file system.

use super::common::{ReportOutput, bar};
use crate::rootfs::{self, Imported, Limits, MachineId, Watch, parse_size, size_in_words};
use crate::text;
use anyhow::Result;
use std::fs;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};

/// What `grader rootfs` takes.
#[derive(clap::Args)]
pub struct Options {
    #[command(subcommand)]
    command: Command,
}

#[derive(clap::Subcommand)]
enum Command {
    /// Rebuild the embedded one from this machine's own files
    Build {
        /// Where, instead of the cache: a directory that is missing or empty
        directory: Option<PathBuf>,
    },
    /// Unpack one from an archive: tar (also gzip, xz, zstd) or squashfs
    Import {
        /// The archive; what it is, its content says, and not its name
        file: PathBuf,
        /// Where: a directory that is missing or empty
        #[arg(default_value = "rootfs")]
        directory: PathBuf,
        /// Refuse an archive that unpacks to more, for example 800M or 6G
        #[arg(long, value_name = "SIZE", value_parser = parse_size, default_value = "4G")]
        max_size: u64,
    },
    /// Make one of Debian's packages with mmdebstrap or debootstrap, which downloads them
    Debian {
        /// Where: a directory that is missing or empty
        #[arg(default_value = "rootfs")]
        directory: PathBuf,
        /// The release
        #[arg(long, value_name = "NAME", default_value = "stable")]
        suite: String,
    },
    /// Check whether a directory can serve as a root file system
    Check {
        /// The directory
        directory: PathBuf,
    },
}

/// Runs the command.
pub fn run(options: &Options) -> Result<u8> {
    match &options.command {
        Command::Build { directory } => build(directory.as_deref())?,
        Command::Import { file, directory, max_size } => import(file, directory, *max_size)?,
        Command::Debian { directory, suite } => debian(directory, suite)?,
        Command::Check { directory } => check(directory)?,
    }
    Ok(0)
}

fn build(directory: Option<&Path>) -> Result<()> {
    let made = rootfs::build(directory)?;
    ReportOutput::Standard.finish(|out| {
        writeln!(out, "{}", made.path.display())?;
        let (tools, size) = (made.tools.len(), made.bytes / 1024);
        writeln!(out, "{tools} tools, the shell is {}, {size} KiB", made.shell)?;
        made.left_out.iter().try_for_each(|tool| writeln!(out, "left out: {} ({})", tool.name, tool.why))
    })
}

fn import(file: &Path, directory: &Path, max_size: u64) -> Result<()> {
    let length = fs::metadata(file).ok().map(|found| found.len());
    let bar = bar("{bar:40} {bytes}/{total_bytes} {eta}", length);
    let show = |bytes| bar.set_position(bytes);
    let limits = Limits { bytes: max_size, ..Limits::default() };
    let made = rootfs::import(file, directory, &limits, &Watch::new(&show)?);
    bar.finish_and_clear();
    let made = made?;
    told(directory, &in_words(&made), made.machine_id, &made.lost.lines())?;
    let rights = made.lost.kept.words().filter(|_| is_open(&made.path));
    if let Some(rights) = rights {
        text::say(&text::line(&format!(
            "grader: everybody on this machine can reach {}, with its {rights}; move it below a directory of mode 0700",
            directory.display()
        )));
    }
    Ok(())
}

fn debian(directory: &Path, suite: &str) -> Result<()> {
    let bar = bar("{spinner} {elapsed} {msg}", None);
    let say = |line: &str| {
        bar.set_message(text::line(line));
        bar.tick();
    };
    let none = |_| {};
    let made = rootfs::debian(directory, suite, &Watch::new(&none)?, &say);
    bar.finish_and_clear();
    let made = made?;
    told(directory, &format!("{suite}, made by {}", made.tool), made.machine_id, &made.lost)
}

fn check(directory: &Path) -> Result<()> {
    rootfs::check(directory)?;
    let name = directory.display();
    ReportOutput::Standard.finish(|out| writeln!(out, "{name}: can serve as a root file system"))
}

/// The archive in words: `5012 files, 310 MiB, from tar, xz`.
fn in_words(made: &Imported) -> String {
    let inner = match made.inner.as_os_str().is_empty() {
        true => String::new(),
        false => format!(", its directory {}", text::line(&made.inner.display().to_string())),
    };
    format!("{} files, {}, from an archive ({}){inner}", made.entries, size_in_words(made.bytes), made.format)
}

/// Prints what was made.
fn told(directory: &Path, what: &str, machine_id: MachineId, lost: &[String]) -> Result<()> {
    ReportOutput::Standard.finish(|out| {
        writeln!(out, "{}", directory.display())?;
        writeln!(out, "{what}")?;
        match machine_id {
            MachineId::Made => writeln!(out, "/etc/machine-id: filled in")?,
            MachineId::OfDbus => writeln!(out, "/etc/machine-id: filled in from /var/lib/dbus/machine-id")?,
            MachineId::Kept => writeln!(out, "/etc/machine-id: as it was")?,
            MachineId::LeftAlone => {}
        }
        lost.iter().try_for_each(|line| writeln!(out, "lost: {line}"))
    })
}

/// Whether other users reach a directory.
fn is_open(directory: &Path) -> bool {
    let may_enter = |path: &Path| fs::metadata(path).is_ok_and(|found| found.mode() & 0o011 != 0);
    directory.ancestors().all(may_enter)
}
