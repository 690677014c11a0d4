//! The messages from the grader to its keeper: a kind, a length and bytes. A path may hold any byte except NUL.

use std::ffi::OsString;
use std::os::unix::ffi::{OsStrExt, OsStringExt};
use std::path::PathBuf;

/// Something that outlives the grader.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Record {
    /// A temporary directory.
    Directory(PathBuf),
    /// A control group, with everything in it.
    ControlGroup(PathBuf),
    /// A named v1 hierarchy of control groups.
    Hierarchy(String),
}

const DIRECTORY: u8 = b'd';
const CONTROL_GROUP: u8 = b'c';
const HIERARCHY: u8 = b'h';

impl Record {
    /// The record as bytes.
    pub fn to_bytes(&self) -> Vec<u8> {
        let (kind, body) = match self {
            Record::Directory(path) => (DIRECTORY, path.as_os_str().as_bytes().to_vec()),
            Record::ControlGroup(path) => (CONTROL_GROUP, path.as_os_str().as_bytes().to_vec()),
            Record::Hierarchy(name) => (HIERARCHY, name.as_bytes().to_vec()),
        };
        [&[kind][..], &(body.len() as u32).to_ne_bytes(), &body].concat()
    }

    /// All records. An incomplete last one is ignored.
    pub fn list(mut bytes: &[u8]) -> Vec<Record> {
        let mut records = Vec::new();
        while let Some((&kind, rest)) = bytes.split_first()
            && let Some((length, rest)) = rest.split_first_chunk()
            && let Some((body, rest)) = rest.split_at_checked(u32::from_ne_bytes(*length) as usize)
        {
            bytes = rest;
            let path = || PathBuf::from(OsString::from_vec(body.to_vec()));
            records.extend(match kind {
                DIRECTORY => Some(Record::Directory(path())),
                CONTROL_GROUP => Some(Record::ControlGroup(path())),
                HIERARCHY => Some(Record::Hierarchy(String::from_utf8_lossy(body).into_owned())),
                _ => None,
            });
        }
        records
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn records_come_out_as_they_went_in() {
        let odd = PathBuf::from(OsString::from_vec(b"/tmp/a\nkill 1\n\xff".to_vec()));
        let all = [
            Record::Directory(odd),
            Record::ControlGroup("/sys/fs/cgroup/x".into()),
            Record::Hierarchy("x-0".into()),
        ];
        let bytes: Vec<u8> = all.iter().flat_map(Record::to_bytes).collect();
        assert_eq!(Record::list(&bytes), all);
        for cut in 0..bytes.len() {
            let whole = Record::list(&bytes[..cut]);
            assert!(whole.len() < all.len() && whole[..] == all[..whole.len()]);
        }
    }
}
