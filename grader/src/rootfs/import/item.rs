//! What an archive says of one file. All of it is the archive's word alone.

use anyhow::{Result, ensure};
use nix::libc;
use nix::sys::stat::SFlag;
use std::ffi::OsStr;
use std::os::unix::ffi::OsStrExt;
use std::path::{Component, Path, PathBuf};

/// The longest name and path that the kernel takes: NAME_MAX, and PATH_MAX without its NUL (limits.h(0p)).
const MAX_NAME: usize = 255;
const MAX_PATH: usize = 4095;

/// A member of an archive.
pub(super) struct Item {
    /// Its path below the top: no `..`, no `.`, not absolute. Empty for the top itself.
    pub path: PathBuf,
    /// What it is.
    pub kind: Kind,
    /// The permission bits, with set-user-ID, set-group-ID and the sticky bit.
    pub mode: u32,
    /// The owner.
    pub uid: u32,
    /// The group.
    pub gid: u32,
    /// When it was last changed: seconds since 1970, and nanoseconds.
    pub changed: (i64, i64),
    /// Extended attributes: names and values.
    pub attributes: Vec<(Vec<u8>, Vec<u8>)>,
}

/// What a member is.
pub(super) enum Kind {
    /// A directory.
    Directory,
    /// A regular file of this many bytes.
    File(u64),
    /// A symbolic link. Where it leads is not looked at, and it is never followed.
    Link(PathBuf),
    /// Another name of a file that came before: a hard link.
    Same(PathBuf),
    /// A device node.
    Node(SFlag, libc::dev_t),
    /// A named pipe.
    Pipe,
    /// A socket.
    Socket,
}

/// A path as an archive has it, below the top. A leading `/` is taken off, as tar(1) does.
///
/// # Errors
/// It leads out, or no file can have it.
pub(super) fn path(bytes: &[u8], max_depth: usize) -> Result<PathBuf> {
    let shown = || shown(bytes);
    ensure!(!bytes.contains(&0), "{}: a name with a NUL byte", shown());
    ensure!(bytes.len() <= MAX_PATH, "{}: a path of {} bytes; the limit is {MAX_PATH}", shown(), bytes.len());
    let mut path = PathBuf::new();
    for part in Path::new(OsStr::from_bytes(bytes)).components() {
        match part {
            Component::Normal(name) if name.len() > MAX_NAME => {
                anyhow::bail!("{}: a name of {} bytes; the limit is {MAX_NAME}", shown(), name.len())
            }
            Component::Normal(name) => path.push(name),
            Component::ParentDir => anyhow::bail!("{}: a path that leads out of the archive", shown()),
            Component::RootDir | Component::CurDir | Component::Prefix(_) => {}
        }
    }
    let depth = path.components().count();
    ensure!(depth <= max_depth, "{}: a path {depth} directories deep; the limit is {max_depth}", shown());
    Ok(path)
}

/// The end of a name for a message: one line, of limited length.
pub(super) fn shown(bytes: &[u8]) -> String {
    const MAX: usize = 120;
    let end = &bytes[bytes.len().saturating_sub(MAX)..];
    let dots = if end.len() < bytes.len() { "..." } else { "" };
    format!("{dots}{}", end.escape_ascii())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_path_stays_below_the_top() {
        let of = |bytes: &[u8]| path(bytes, 3).map_err(|error| error.to_string());
        assert_eq!(of(b"./usr//bin/./sh").unwrap(), Path::new("usr/bin/sh"));
        assert_eq!(of(b"/etc/passwd").unwrap(), Path::new("etc/passwd"));
        assert_eq!(of(b"./").unwrap(), Path::new(""));
        assert!(of(b"a/../../b").unwrap_err().contains("leads out"));
        assert!(of(b"a\0b").unwrap_err().contains("NUL"));
        assert!(of(b"a/b/c/d").unwrap_err().contains("4 directories deep; the limit is 3"));
        assert!(of(&[b'a'; 256]).unwrap_err().contains("256 bytes; the limit is 255"));
        assert!(of(&[b'/'; 5000]).unwrap_err().contains("5000 bytes; the limit is 4095"));
    }

    #[test]
    fn a_name_is_one_line() {
        assert_eq!(shown(b"a\n\xff"), "a\\n\\xff");
        assert_eq!(shown(&[b'a'; 500]).len(), 123);
    }
}
