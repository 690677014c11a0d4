//! A system call in data: its name, its number and its arguments, and what came back.

use nix::libc::c_long;
use std::ffi::CString;
use std::fmt::{self, Write};

/// A system call: its name (syscalls(2)), its number, and up to six arguments.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Call {
    /// The name.
    pub name: &'static str,
    /// The number, as of this machine's architecture.
    pub number: c_long,
    /// The arguments.
    pub arguments: Vec<Argument>,
}

/// An argument of a system call.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Argument {
    /// A number, a descriptor, flags, or 0 for no pointer.
    Number(i64),
    /// A number of 32 bits: of its register the kernel reads no more.
    Int(i32),
    /// A pointer to a string, which ends in NUL.
    Text(CString),
    /// A pointer to these bytes, a structure.
    Bytes(Vec<u8>),
    /// A pointer to these bytes, which are read again when the call has returned.
    Room(Vec<u8>),
    /// A pointer to one `struct iovec` (readv(2)), which points to these bytes; they are read again like a room.
    Vector(Vec<u8>),
    /// A pointer to an array of pointers to strings, with a null pointer at its end.
    Texts(Vec<CString>),
}

/// What came back from a system call that succeeded.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Returned {
    /// Its return value.
    pub value: i64,
    /// What the arguments of kind [`Argument::Room`] or [`Argument::Vector`] hold now, in their order.
    pub rooms: Vec<Vec<u8>>,
}

impl Call {
    /// The same with nothing but zeros behind its pointers.
    pub fn blank(&self) -> Call {
        let mut blank = self.clone();
        for argument in &mut blank.arguments {
            let length = match argument {
                Argument::Text(text) => text.as_bytes_with_nul().len(),
                Argument::Bytes(bytes) | Argument::Room(bytes) => bytes.len(),
                Argument::Texts(_) | Argument::Vector(_) | Argument::Number(_) | Argument::Int(_) => continue,
            };
            *argument = Argument::Bytes(vec![0; length]);
        }
        blank
    }
}

impl Argument {
    /// A null pointer, in all 64 bits: as an [`Argument::Int`] it might point somewhere in another form of the call.
    pub const NULL: Argument = Argument::Number(0);

    /// A string without a NUL in it. What follows a NUL is left out.
    pub fn text(text: impl AsRef<[u8]>) -> Argument {
        Argument::Text(c_string(text.as_ref()))
    }

    /// Strings, as for execve(2).
    pub fn texts(texts: &[&str]) -> Argument {
        Argument::Texts(texts.iter().map(|text| c_string(text.as_bytes())).collect())
    }

    /// Its value, where it is a number.
    pub fn number(&self) -> Option<i64> {
        match self {
            Argument::Number(value) => Some(*value),
            Argument::Int(value) => Some((*value).into()),
            _ => None,
        }
    }

    /// Room for so many bytes.
    pub fn room(length: usize) -> Argument {
        Argument::Room(vec![0; length])
    }
}

impl From<i64> for Argument {
    fn from(number: i64) -> Argument {
        Argument::Number(number)
    }
}

impl From<i32> for Argument {
    fn from(number: i32) -> Argument {
        Argument::Int(number)
    }
}

impl From<u32> for Argument {
    fn from(number: u32) -> Argument {
        Argument::Int(number as i32)
    }
}

fn c_string(bytes: &[u8]) -> CString {
    let text = bytes.split(|byte| *byte == 0).next().unwrap_or_default();
    CString::new(text).unwrap_or_default()
}

impl fmt::Display for Call {
    /// As strace(1) writes it: `mount("mark", "/tmp", "tmpfs", 0, 0)`.
    fn fmt(&self, out: &mut fmt::Formatter) -> fmt::Result {
        let words: Vec<String> = self.arguments.iter().map(Argument::to_string).collect();
        write!(out, "{}({})", self.name, words.join(", "))
    }
}

impl fmt::Display for Argument {
    fn fmt(&self, out: &mut fmt::Formatter) -> fmt::Result {
        match self {
            // Flags are easier to read in hexadecimal.
            Argument::Number(number @ 4096..) => write!(out, "{number:#x}"),
            Argument::Number(number) => write!(out, "{number}"),
            Argument::Int(number) if !(-4096..4096).contains(number) => write!(out, "{number:#x}"),
            Argument::Int(number) => write!(out, "{number}"),
            Argument::Text(text) => write!(out, "{:?}", text.to_string_lossy()),
            Argument::Bytes(bytes) => {
                bytes.iter().take(16).try_for_each(|byte| write!(out, "{byte:02x}"))?;
                out.write_str(if bytes.len() > 16 { "..." } else { "" })
            }
            Argument::Room(_) | Argument::Vector(_) => out.write_char('_'),
            Argument::Texts(texts) => write!(out, "{texts:?}"),
        }
    }
}
