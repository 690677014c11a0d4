//! ELF files made by hand, for the tests: headers that name what they need, and no code.

use std::fs::File;
use std::io::{Seek, Write};

/// The requests that an ELF file is to have.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Program<'a> {
    pub interpreter: Option<&'a str>,
    pub needed: &'a [&'a str],
    pub rpath: Option<&'a str>,
    pub runpath: Option<&'a str>,
}

const HEADER: u64 = 64;
const SEGMENT: u64 = 56;

impl Program<'_> {
    /// A 64-bit little-endian file: header, three program headers, dynamic table, strings (elf(5)).
    pub(super) fn bytes(&self) -> Vec<u8> {
        let mut strings = vec![0];
        let mut dynamic: Vec<(u64, u64)> = Vec::new();
        let mut add = |tag, text: &str| {
            dynamic.push((tag, strings.len() as u64));
            strings.extend_from_slice(text.as_bytes());
            strings.push(0);
        };
        self.needed.iter().for_each(|name| add(1, name));
        self.rpath.iter().for_each(|path| add(15, path));
        self.runpath.iter().for_each(|path| add(29, path));
        let interpreter_at = strings.len() as u64;
        let interpreter = self.interpreter.map_or(Vec::new(), |path| [path.as_bytes(), b"\0"].concat());
        strings.extend_from_slice(&interpreter);

        let table_at = HEADER + 3 * SEGMENT;
        let table_size = (dynamic.len() as u64 + 3) * 16;
        let strings_at = table_at + table_size;
        dynamic.extend([(5, BASE + strings_at), (10, strings.len() as u64), (0, 0)]);
        let end = strings_at + strings.len() as u64;

        let mut file = header(self.interpreter.is_some());
        file.extend(segment(1, 0, end));
        file.extend(segment(2, table_at, table_size));
        file.extend(segment(3, strings_at + interpreter_at, interpreter.len() as u64));
        file.extend(
            dynamic.iter().flat_map(|(tag, value)| [tag.to_le_bytes(), value.to_le_bytes()].concat()),
        );
        file.extend(strings);
        file
    }

    /// The same as an open file without a name.
    pub(super) fn file(&self) -> File {
        file(&self.bytes())
    }
}

/// Addresses differ from offsets, as in a real program.
const BASE: u64 = 0x40_0000;

fn header(interpreter: bool) -> Vec<u8> {
    let mut file = b"\x7fELF\x02\x01\x01\0\0\0\0\0\0\0\0\0".to_vec();
    let half = |file: &mut Vec<u8>, value: u16| file.extend(value.to_le_bytes());
    half(&mut file, 3);
    half(&mut file, if cfg!(target_arch = "aarch64") { 183 } else { 62 });
    file.extend(1u32.to_le_bytes());
    file.extend([0u64, HEADER, 0].iter().flat_map(|value| value.to_le_bytes()));
    file.extend(0u32.to_le_bytes());
    [64, 56, if interpreter { 3 } else { 2 }, 64, 0, 0].iter().for_each(|&value| half(&mut file, value));
    file
}

fn segment(kind: u32, offset: u64, size: u64) -> Vec<u8> {
    let mut bytes = [kind.to_le_bytes(), 5u32.to_le_bytes()].concat();
    let words = [offset, BASE + offset, BASE + offset, size, size, 8];
    bytes.extend(words.iter().flat_map(|value| value.to_le_bytes()));
    bytes
}

/// An open file without a name.
pub(super) fn file(bytes: &[u8]) -> File {
    let mut file = tempfile::tempfile().unwrap();
    file.write_all(bytes).unwrap();
    file.rewind().unwrap();
    file
}
