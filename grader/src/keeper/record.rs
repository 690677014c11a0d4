//! What the grader tells its keeper: records of a kind, a length and bytes. A path may hold any byte but NUL.

use nix::unistd::Pid;
use std::collections::BTreeSet;
use std::ffi::OsString;
use std::os::unix::ffi::{OsStrExt, OsStringExt};
use std::path::PathBuf;

/// Something that does not end with the grader by itself, unless it says that it has ended.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Record {
    /// A temporary directory.
    Directory(PathBuf),
    /// A control group, with all that is in it.
    ControlGroup(PathBuf),
    /// A named v1 hierarchy of control groups.
    Hierarchy(String),
    /// A process group.
    ProcessGroup(Pid),
    /// A process group that has ended: its number may become another's.
    Ended(Pid),
}

const DIRECTORY: u8 = b'd';
const CONTROL_GROUP: u8 = b'c';
const HIERARCHY: u8 = b'h';
const PROCESS_GROUP: u8 = b'p';
const ENDED: u8 = b'e';

impl Record {
    /// As it is sent.
    pub fn to_bytes(&self) -> Vec<u8> {
        let (kind, body) = match self {
            Record::Directory(path) => (DIRECTORY, path.as_os_str().as_bytes().to_vec()),
            Record::ControlGroup(path) => (CONTROL_GROUP, path.as_os_str().as_bytes().to_vec()),
            Record::Hierarchy(name) => (HIERARCHY, name.as_bytes().to_vec()),
            Record::ProcessGroup(group) => (PROCESS_GROUP, group.as_raw().to_ne_bytes().to_vec()),
            Record::Ended(group) => (ENDED, group.as_raw().to_ne_bytes().to_vec()),
        };
        [&[kind][..], &(body.len() as u32).to_ne_bytes(), &body].concat()
    }

    /// All that were sent. A last one that is not whole says nothing.
    pub fn list(mut bytes: &[u8]) -> Vec<Record> {
        let mut records = Vec::new();
        while let Some((&kind, rest)) = bytes.split_first()
            && let Some((length, rest)) = rest.split_first_chunk()
            && let Some((body, rest)) = rest.split_at_checked(u32::from_ne_bytes(*length) as usize)
        {
            bytes = rest;
            let path = || PathBuf::from(OsString::from_vec(body.to_vec()));
            let number = || body.try_into().map(|body| Pid::from_raw(i32::from_ne_bytes(body))).ok();
            records.extend(match kind {
                DIRECTORY => Some(Record::Directory(path())),
                CONTROL_GROUP => Some(Record::ControlGroup(path())),
                HIERARCHY => Some(Record::Hierarchy(String::from_utf8_lossy(body).into_owned())),
                PROCESS_GROUP => number().map(Record::ProcessGroup),
                ENDED => number().map(Record::Ended),
                _ => None,
            });
        }
        records
    }
}

/// The process groups that have not ended.
pub fn process_groups(records: &[Record]) -> BTreeSet<Pid> {
    let mut groups = BTreeSet::new();
    for record in records {
        match record {
            // 0 and 1 are no groups of ours, whatever was written (kill(2)).
            Record::ProcessGroup(group) if group.as_raw() > 1 => drop(groups.insert(*group)),
            Record::Ended(group) => drop(groups.remove(group)),
            _ => {}
        }
    }
    groups
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
            Record::ProcessGroup(Pid::from_raw(70)),
            Record::Ended(Pid::from_raw(70)),
        ];
        let bytes: Vec<u8> = all.iter().flat_map(Record::to_bytes).collect();
        assert_eq!(Record::list(&bytes), all);
        for cut in 0..bytes.len() {
            let whole = Record::list(&bytes[..cut]);
            assert!(whole.len() < all.len() && whole[..] == all[..whole.len()]);
        }
    }

    #[test]
    fn a_group_that_has_ended_is_nobodys_to_kill() {
        let group = |number| Record::ProcessGroup(Pid::from_raw(number));
        let records = [group(70), group(71), Record::Ended(Pid::from_raw(70)), group(1), group(-1)];
        assert_eq!(process_groups(&records).into_iter().collect::<Vec<_>>(), [Pid::from_raw(71)]);
    }
}
