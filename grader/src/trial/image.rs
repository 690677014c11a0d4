//! Whether a process that executes the probe's file still is the probe: whoever owns the root file system can
//! write into that file, and whoever may trace a process can write into its memory (`/proc/<pid>/mem`).

use nix::sys::uio::{RemoteIoVec, process_vm_readv};
use nix::unistd::Pid;
use std::fs::{self, File};
use std::io::{self, IoSliceMut};
use std::ops::Range;
use std::os::unix::fs::FileExt;
use std::path::Path;

/// `PT_LOAD`, `PT_INTERP` and `PF_W` (elf(5)).
const LOAD: u32 = 1;
const INTERPRETER: u32 = 3;
const WRITABLE: u32 = 2;

/// As much as is compared at once.
const ROOM: usize = 64 << 10;

/// A line of `/proc/<pid>/maps` (proc_pid_maps(5)).
struct Mapping {
    at: Range<u64>,
    mode: String,
    offset: u64,
    name: String,
}

/// The probe, as it was built.
pub struct Image {
    content: Vec<u8>,
    /// The parts of it that are loaded and never written to.
    constant: Vec<Range<u64>>,
    is_static: bool,
}

impl Image {
    /// From the probe's file.
    pub fn new(content: Vec<u8>) -> Image {
        let parts = |kind, without| segments(&content, kind, without);
        Image { constant: parts(LOAD, WRITABLE), is_static: parts(INTERPRETER, 0).is_empty(), content }
    }

    /// Compares a process with it: the file that it executes, and every part of its memory that is code or
    /// constant. No other code may be there but the kernel's, and the libraries of a probe that is not static.
    pub fn check(&self, pid: Pid) -> Result<(), String> {
        let Image { content, constant, is_static } = self;
        let unreadable = |error: io::Error| format!("the host could not read the probe's memory: {error}");
        let exe = File::open(format!("/proc/{pid}/exe")).map_err(unreadable)?;
        let whole = exe.metadata().map_err(unreadable)?.len() == content.len() as u64;
        if !whole || !equal(content, |at, into| exe.read_exact_at(into, at)).map_err(unreadable)? {
            let name = fs::read_link(format!("/proc/{pid}/exe")).unwrap_or_default();
            return Err(format!("{} spoke on the probe's socket: it is not the probe", name.display()));
        }
        let name = fs::read_link(format!("/proc/{pid}/exe")).map_err(unreadable)?;
        let mut compared = 0;
        for mapping in mappings(pid).map_err(unreadable)? {
            let executable = mapping.mode.contains('x');
            if mapping.mode.contains('w') && !executable {
                continue;
            }
            if Path::new(&mapping.name) == name {
                for part in constant {
                    let end = mapping.offset + (mapping.at.end - mapping.at.start);
                    let (from, to) = (part.start.max(mapping.offset), part.end.min(end));
                    if from < to {
                        let address = mapping.at.start + from - mapping.offset;
                        let expected = &content[from as usize..to as usize];
                        let read = |at, into: &mut [u8]| read_memory(pid, address + at, into);
                        if !equal(expected, read).map_err(unreadable)? {
                            return Err("somebody has changed the probe in memory".into());
                        }
                        compared += to - from;
                    }
                }
            } else if executable && mapping.name != "[vsyscall]" && mapping.name != "[vdso]" && *is_static {
                return Err("there is code in the probe that is not its own".into());
            }
        }
        // A page may lie in two mappings.
        if compared < constant.iter().map(|part| part.end - part.start).sum() {
            return Err("a part of the probe is not in its memory".into());
        }
        Ok(())
    }
}

/// Whether what `read` reads is as expected. A piece at a time: room for all of it would cost more than the reading.
fn equal(expected: &[u8], read: impl Fn(u64, &mut [u8]) -> io::Result<()>) -> io::Result<bool> {
    let mut room = [0; ROOM];
    for (number, piece) in expected.chunks(room.len()).enumerate() {
        let there = &mut room[..piece.len()];
        read((number * ROOM) as u64, there)?;
        if there != piece {
            return Ok(false);
        }
    }
    Ok(true)
}

/// A part of a process's memory.
pub fn memory(pid: Pid, address: u64, length: usize) -> io::Result<Vec<u8>> {
    let mut bytes = vec![0; length];
    read_memory(pid, address, &mut bytes)?;
    Ok(bytes)
}

fn read_memory(pid: Pid, address: u64, into: &mut [u8]) -> io::Result<()> {
    let there = RemoteIoVec { base: address as usize, len: into.len() };
    let read = process_vm_readv(pid, &mut [IoSliceMut::new(into)], &[there]).unwrap_or(0);
    // It reads many pages at once, but none that the process itself may not read.
    match &mut into[read..] {
        [] => Ok(()),
        rest => File::open(format!("/proc/{pid}/mem"))?.read_exact_at(rest, address + read as u64),
    }
}

fn mappings(pid: Pid) -> io::Result<Vec<Mapping>> {
    let parse = |line: &str| {
        let mut words = line.splitn(6, ' ');
        let (from, to) = words.next()?.split_once('-')?;
        let (mode, offset) = (words.next()?.to_owned(), words.next()?);
        let name = words.nth(2).unwrap_or_default().trim().to_owned();
        let number = |word| u64::from_str_radix(word, 16).ok();
        Some(Mapping { at: number(from)?..number(to)?, mode, offset: number(offset)?, name })
    };
    Ok(fs::read_to_string(format!("/proc/{pid}/maps"))?.lines().filter_map(parse).collect())
}

/// The segments of a kind in an ELF file, without those that have a flag: their place in the file. Every machine
/// that this runs on has 64 bits.
fn segments(elf: &[u8], kind: u32, without: u32) -> Vec<Range<u64>> {
    let number = |at: usize, size: usize| {
        let mut bytes = [0; 8];
        bytes[..size].copy_from_slice(&elf[at..at + size]);
        u64::from_ne_bytes(bytes)
    };
    let (table, size, count) = (number(32, 8) as usize, number(54, 2) as usize, number(56, 2) as usize);
    let headers = (0..count).map(|at| table + at * size);
    let wanted =
        headers.filter(|at| number(*at, 4) as u32 == kind && number(at + 4, 4) as u32 & without == 0);
    wanted.map(|at| number(at + 8, 8)..number(at + 8, 8) + number(at + 32, 8)).collect()
}
