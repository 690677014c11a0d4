//! What an ELF file asks its loader for: elf(5), and ld.so(8) on what the loader makes of it.

use anyhow::{Context, Result};
use object::Endianness;
use object::elf::{self, FileHeader32, FileHeader64};
use object::read::elf::{Dyn, FileHeader, ProgramHeader};
use object::read::{FileKind, ReadCache, ReadRef, StringTable};
use std::ffi::{OsStr, OsString};
use std::fs::File;
use std::os::unix::ffi::OsStrExt;
use std::path::PathBuf;

/// The requests of one ELF file.
#[derive(Clone, Debug)]
pub(super) struct Elf {
    /// Whom it can run with.
    pub kind: ElfKind,
    /// PT_INTERP: the loader. None in a library and in a static program.
    pub interpreter: Option<PathBuf>,
    /// DT_NEEDED: names of libraries, in order.
    pub needed: Vec<OsString>,
    /// DT_RPATH and DT_RUNPATH: where the file itself says to look.
    pub search: Search,
}

/// A program and its libraries must be of one kind; the loader passes over a library of another one.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct ElfKind {
    wide: bool,
    machine: u16,
}

impl ElfKind {
    /// The ELF machine, where it is known that this machine's processor does not run it. A processor runs its own
    /// kind, and its 32-bit forerunner's where the kernel was built so.
    pub(super) fn foreign(self) -> Option<u16> {
        let own: &[elf::Machine] = match std::env::consts::ARCH {
            "x86_64" => &[elf::EM_X86_64, elf::EM_386],
            "aarch64" => &[elf::EM_AARCH64, elf::EM_ARM],
            _ => return None,
        };
        (!own.iter().any(|machine| machine.0 == self.machine)).then_some(self.machine)
    }
}

/// The directories that a file names for its libraries, `$ORIGIN` not yet replaced.
#[derive(Clone, Debug, Default)]
pub(super) struct Search {
    /// DT_RPATH: also for the libraries of its libraries; void where there is a DT_RUNPATH.
    pub rpath: Vec<OsString>,
    /// DT_RUNPATH: for its own libraries only.
    pub runpath: Option<Vec<OsString>>,
}

impl Elf {
    /// Reads the headers. None where the file is no ELF file: a script, say.
    pub(super) fn read(file: &File) -> Result<Option<Elf>> {
        let cache = ReadCache::new(file);
        match FileKind::parse(&cache) {
            Ok(FileKind::Elf32) => parse::<FileHeader32<Endianness>, _>(&cache).map(Some),
            Ok(FileKind::Elf64) => parse::<FileHeader64<Endianness>, _>(&cache).map(Some),
            _ => Ok(None),
        }
    }
}

fn parse<'d, Header, R>(data: R) -> Result<Elf>
where
    Header: FileHeader<Endian = Endianness>,
    R: ReadRef<'d>,
{
    let header = Header::parse(data)?;
    let endian = header.endian()?;
    let kind = ElfKind { wide: header.is_class_64(), machine: header.e_machine(endian).0 };
    let mut found = Elf { kind, interpreter: None, needed: Vec::new(), search: Search::default() };
    let segments = header.program_headers(endian, data)?;
    for segment in segments {
        if let Some(path) = segment.interpreter(endian, data)? {
            found.interpreter = Some(PathBuf::from(OsStr::from_bytes(path)));
        }
        let Some(dynamic) = segment.dynamic(endian, data)? else { continue };
        let strings = strings::<Header, R>(endian, data, segments, dynamic)?;
        for entry in dynamic.iter().take_while(|entry| entry.tag(endian) != elf::DT_NULL) {
            let text = || entry.string(endian, strings).map(|bytes| OsStr::from_bytes(bytes).to_owned());
            match entry.tag(endian) {
                elf::DT_NEEDED => found.needed.push(text()?),
                elf::DT_RPATH => found.search.rpath = directories(&text()?),
                elf::DT_RUNPATH => found.search.runpath = Some(directories(&text()?)),
                _ => {}
            }
        }
    }
    Ok(found)
}

/// The dynamic string table. DT_STRTAB is an address in memory; the segments say where that lies in the file.
fn strings<'d, Header, R>(
    endian: Endianness,
    data: R,
    segments: &[Header::ProgramHeader],
    dynamic: &[Header::Dyn],
) -> Result<StringTable<'d, R>>
where
    Header: FileHeader<Endian = Endianness>,
    R: ReadRef<'d>,
{
    let value = |tag| dynamic.iter().find(|entry| entry.tag(endian) == tag).map(|entry| entry.val(endian));
    let (Some(address), Some(size)) = (value(elf::DT_STRTAB), value(elf::DT_STRSZ)) else {
        return Ok(StringTable::default());
    };
    let offset = segments.iter().find_map(|segment| {
        let (start, length) = (segment.p_vaddr(endian).into(), segment.p_filesz(endian).into());
        let inside = segment.p_type(endian) == elf::PT_LOAD && address.checked_sub(start)? < length;
        inside.then(|| segment.p_offset(endian).into().checked_add(address - start))?
    });
    let start = offset.context("the dynamic string table lies in no segment")?;
    Ok(StringTable::new(data, start, start.saturating_add(size)))
}

/// A list as DT_RUNPATH has it, parted by colons.
fn directories(list: &OsStr) -> Vec<OsString> {
    let parts = list.as_bytes().split(|&byte| byte == b':');
    parts.filter(|part| !part.is_empty()).map(|part| OsStr::from_bytes(part).to_owned()).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::rootfs::fake::Program;

    #[test]
    fn the_headers_are_read() {
        let program = Program {
            interpreter: Some("/lib/ld.so"),
            needed: &["liba.so.1", "libb.so.2"],
            rpath: Some("/r"),
            runpath: Some("$ORIGIN/../lib:/x"),
        };
        let file = program.file();
        let elf = Elf::read(&file).unwrap().unwrap();
        assert_eq!(elf.interpreter.unwrap(), PathBuf::from("/lib/ld.so"));
        assert_eq!(elf.needed, ["liba.so.1", "libb.so.2"]);
        assert_eq!(elf.search.rpath, ["/r"]);
        assert_eq!(elf.search.runpath.unwrap(), ["$ORIGIN/../lib", "/x"]);
    }

    #[test]
    fn a_script_is_no_program_and_a_cut_file_no_reason_to_panic() {
        let bytes = Program::default().bytes();
        for cut in 0..bytes.len() {
            let file = crate::rootfs::fake::file(&bytes[..cut]);
            let _ = Elf::read(&file);
        }
        let script = crate::rootfs::fake::file(b"#!/bin/sh\nexit 0\n");
        assert!(Elf::read(&script).unwrap().is_none());
    }
}
