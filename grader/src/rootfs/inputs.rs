//! All that the embedded rootfs is made from, and the key that changes with it.

use super::elf::Elf;
use super::fixed;
use super::gather::{Gather, Input};
use super::root::Root;
use super::tools::{LeftOut, TOOLS, tool};
use anyhow::{Context, Result, anyhow};
use sha2::{Digest, Sha256};
use std::fmt::Write;
use std::path::{Path, PathBuf};

/// All that the rootfs is made from. Paths in the rootfs are absolute there and go through none of its links.
#[derive(Debug)]
pub(super) struct Inputs {
    pub shell: String,
    pub tools: Vec<String>,
    pub left_out: Vec<LeftOut>,
    pub files: Vec<Input>,
    /// Link and target, both as seen inside; directories first.
    pub links: Vec<(PathBuf, PathBuf)>,
}

impl Inputs {
    /// Looks at the machine. Takes some milliseconds: only headers are read.
    pub(super) fn of(machine: &Root) -> Result<Inputs> {
        shell_first(machine).context("the embedded root file system needs the machine's shell")
    }

    /// The size of the files, in bytes.
    pub(super) fn bytes(&self) -> u64 {
        self.files.iter().map(|file| file.stat.st_size as u64).sum()
    }

    /// A name for this rootfs: changes when any of the files does, or what is made of them.
    pub(super) fn key(&self) -> String {
        let mut text = format!("{FORMAT} {:?} {:?} {:?}", fixed::DIRECTORIES, fixed::LINKS, fixed::ETC);
        for Input { from, to, stat } in &self.files {
            let time = (stat.st_mtime, stat.st_mtime_nsec);
            let _ = write!(text, " {from:?} {to:?} {} {} {time:?}", stat.st_ino, stat.st_size);
        }
        let _ = write!(text, " {:?}", self.links);
        // As long as the id of a machine, which it becomes (machine-id(5)).
        let mut key = format!("{:x}", Sha256::digest(text));
        key.truncate(32);
        key
    }
}

/// Goes up when the same inputs are written in another way.
const FORMAT: u32 = 1;

/// The shell must be there; of the tools those that can be had.
fn shell_first(machine: &Root) -> Result<Inputs> {
    let path = Path::new("/bin/sh");
    let file = machine.file(path).context("cannot read /bin/sh")?;
    let elf = Elf::read(&file).context("cannot read the ELF headers of /bin/sh")?;
    let elf = elf.context("/bin/sh is no ELF program: make it a link to dash, bash or busybox")?;

    let mut gather = Gather::new(machine, elf.kind);
    let mut chosen = vec![gather.candidate("sh", path).map_err(|why| anyhow!("/bin/sh {why}"))?];
    let mut left_out = Vec::new();
    for &name in TOOLS {
        match tool(machine, name).and_then(|from| gather.candidate(name, &from)) {
            Ok(candidate) => chosen.push(candidate),
            Err(why) => left_out.push(LeftOut { name: name.to_owned(), why }),
        }
    }
    left_out.extend(gather.leave_out(&mut chosen));
    let (files, links) = gather.place(&chosen);
    let tools = chosen.into_iter().map(|candidate| candidate.name).collect();
    Ok(Inputs { shell: gather.file_name(path, &file), tools, left_out, files, links })
}
