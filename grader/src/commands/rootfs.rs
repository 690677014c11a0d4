//! `grader rootfs`: make or check a root file system.

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
    /// Make the embedded one anew, from this machine's own files
    Build {
        /// Where, in place of the cache: a directory that is missing or empty
        directory: Option<PathBuf>,
    },
    /// Say whether a directory can serve as one
    Check {
        /// The directory
        directory: PathBuf,
    },
}

/// Does it.
pub fn run(options: &Options) -> Result<u8> {
    match &options.command {
        Command::Build { directory } => {
            let made = rootfs::build(directory.as_deref())?;
            println!("{}", made.path.display());
            println!("{} tools, the shell is {}, {} KiB", made.tools.len(), made.shell, made.bytes / 1024);
            for tool in &made.left_out {
                println!("left out: {} ({})", tool.name, tool.why);
            }
        }
        Command::Check { directory } => {
            rootfs::check(directory)?;
            println!("{}: fit to be a root file system", directory.display());
        }
    }
    Ok(0)
}
