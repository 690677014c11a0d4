//! Root file systems: the embedded one, made from the machine's own files, and those that people bring.
//!
//! The embedded rootfs is a shell, the usual small programs and the libraries they need, copied from the machine
//! that runs the grader. It takes no network, no package and no privilege, starts no program (the libraries are
//! read from the ELF headers, where ldd(1) would run the program), and is kept in the cache.
//!
//! # Layout
//! - `root`: a directory, seen as the programs in it see it
//! - `elf`: what an ELF file asks its loader for
//! - `loader`: where the loader finds it, ld.so(8)
//! - `directories`: those in which the loader looks for every program
//! - `tools`: the programs that the rootfs has
//! - `gather`: their files, and the place of each
//! - `inputs`: all that the rootfs is made from
//! - `fixed`: what is the same everywhere: the empty directories, `/etc`
//! - `make`: writes it all into a directory
//! - `cache`: keeps it, and makes it again when the machine has changed
//! - `needs`: what a program of the machine needs to start
//! - `check`: is this directory a rootfs? `size`: how large it may be. `words`, `bytes`: what their messages have in common
//! - `import`: makes one of an archive. `debian`: of Debian's packages. `machine_id`: the id of an installation

mod bytes;
mod cache;
mod check;
mod debian;
mod directories;
mod elf;
#[cfg(test)]
mod fake;
mod fixed;
mod gather;
mod import;
mod inputs;
mod loader;
mod machine_id;
mod make;
mod needs;
mod root;
mod size;
mod tools;
mod words;

pub use bytes::{parse_size, size_in_words};
pub use cache::Cache;
pub use check::check;
pub use debian::{Debian, make as debian};
pub use import::{Format, Imported, Kept, Limits, Lost, Watch, import};
pub use machine_id::MachineId;
pub use make::make;
pub use needs::{Needs, SEARCH_PATH, needs};
pub use root::Root;
pub use size::{COPIES, in_words};
pub use tools::{LeftOut, LeftOutReason, TOOLS};

use anyhow::Result;
use std::path::{Path, PathBuf};

/// A root file system, ready to be used.
#[derive(Clone, Debug)]
pub struct Rootfs {
    /// The directory.
    pub path: PathBuf,
    /// The program behind `/bin/sh`: `dash`, `bash`, `busybox`.
    pub shell: String,
    /// The programs in it, by name, `sh` first.
    pub tools: Vec<String>,
    /// What of [`TOOLS`] is not in it, and why.
    pub left_out: Vec<LeftOut>,
    /// The size of the files copied from the machine, in bytes.
    pub bytes: u64,
}

/// The embedded rootfs, from the cache; made first where it is missing, damaged, or older than the machine's
/// files. Nobody may write in it: each run takes a copy or an overlay.
///
/// # Errors
/// No cache directory, no shell on this machine, a full disk.
pub fn embedded() -> Result<Rootfs> {
    Cache::at(&crate::cache_dir::cache()?).embedded(&Root::machine()?)
}

/// Makes the embedded rootfs anew: in the cache, or in `target`, which must be an empty directory or be missing.
///
/// # Errors
/// As [`embedded`], and a `target` that holds something: nothing is overwritten.
pub fn build(target: Option<&Path>) -> Result<Rootfs> {
    let machine = Root::machine()?;
    match target {
        Some(directory) => make(&machine, directory),
        None => Cache::at(&crate::cache_dir::cache()?).rebuild(&machine),
    }
}
