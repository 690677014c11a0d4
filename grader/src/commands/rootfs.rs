//! `grader rootfs`: make or check a root file system.

use super::common::ReportOutput;
use crate::rootfs;
use anyhow::Result;
use std::path::PathBuf;

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
    /// Check whether a directory can serve as a root file system
    Check {
        /// The directory
        directory: PathBuf,
    },
}

/// Runs the command.
pub fn run(options: &Options) -> Result<u8> {
    match &options.command {
        Command::Build { directory } => {
            let made = rootfs::build(directory.as_deref())?;
            ReportOutput::Standard.finish(|out| {
                writeln!(out, "{}", made.path.display())?;
                let (tools, size) = (made.tools.len(), made.bytes / 1024);
                writeln!(out, "{tools} tools, the shell is {}, {size} KiB", made.shell)?;
                made.left_out
                    .iter()
                    .try_for_each(|tool| writeln!(out, "left out: {} ({})", tool.name, tool.why))
            })?;
        }
        Command::Check { directory } => {
            rootfs::check(directory)?;
            let name = directory.display();
            ReportOutput::Standard.finish(|out| writeln!(out, "{name}: can serve as a root file system"))?;
        }
    }
    Ok(0)
}
