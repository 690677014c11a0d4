//! The programs that are executed in a start which the host watches from its first instruction: in what order, and by whom.

use crate::text;
use crate::trial::observe::{self, Identity};
use nix::unistd::Pid;
use std::collections::BTreeMap;
use std::fs::File;
use std::os::unix::fs::{FileExt, MetadataExt};

/// So many executions are noted, the first ones and the last; of a name so many characters.
const MAX_EXECUTIONS: usize = 1000;
const MAX_CHARS: usize = 200;

/// Of so many files, and up to so many bytes, a copy is known for one.
const MAX_FILES: usize = 16;
const MAX_BYTES: u64 = 64 << 20;

/// One execve(2).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Execution {
    /// Device and inode of the file; of a copy in memory of one that was executed before, those of that one.
    pub file: (u64, u64),
    /// Its name.
    pub name: String,
    /// Which execution the process had been in before, by its place in the list; none for the first.
    pub by: Option<usize>,
}

/// All of one start. Not all, where there are very many.
#[derive(Default)]
pub struct Executions {
    list: Vec<Execution>,
    /// In which one each process is.
    processes: BTreeMap<i32, usize>,
    files: Vec<((u64, u64), File)>,
}

impl Executions {
    /// In order.
    pub fn list(&self) -> &[Execution] {
        &self.list
    }

    /// Notes that a process has executed a file.
    pub fn note(&mut self, pid: Pid) {
        let Identity { exe, exe_name, parent, .. } = observe::identity(pid);
        let file = self.original(pid, exe.unwrap_or_default());
        // That a process was made may be told of after what it did.
        let of = |pid: i32| self.processes.get(&pid).copied();
        let by = of(pid.as_raw()).or_else(|| of(parent));
        self.list.truncate(MAX_EXECUTIONS - 1);
        self.processes.insert(pid.as_raw(), self.list.len());
        self.list.push(Execution { file, name: text::cut(&exe_name, MAX_CHARS), by });
    }

    /// Notes that a process has made another one.
    pub fn note_child(&mut self, pid: Pid, child: i32) {
        if let Some(at) = self.processes.get(&pid.as_raw()) {
            let at = *at;
            self.processes.entry(child).or_insert(at);
        }
    }

    /// The file that is executed, or of which it is a copy: some programs execute themselves out of memory (memfd_create(2)).
    fn original(&mut self, pid: Pid, exe: (u64, u64)) -> (u64, u64) {
        if self.files.iter().any(|(known, _)| *known == exe) {
            return exe;
        }
        let Ok(file) = File::open(format!("/proc/{pid}/exe")) else { return exe };
        let has_no_name = file.metadata().is_ok_and(|it| it.nlink() == 0);
        if has_no_name && let Some((original, _)) = self.files.iter().find(|(_, known)| is_same(known, &file))
        {
            return *original;
        }
        if self.files.len() < MAX_FILES {
            self.files.push((exe, file));
        }
        exe
    }
}

/// Whether two files have the same content.
fn is_same(one: &File, other: &File) -> bool {
    let length = |file: &File| file.metadata().map(|it| it.len()).ok();
    let read = |file: &File| {
        let mut bytes = vec![0; length(file)? as usize];
        file.read_exact_at(&mut bytes, 0).ok().map(|()| bytes)
    };
    let may_be = length(one).is_some_and(|bytes| Some(bytes) == length(other) && bytes <= MAX_BYTES);
    may_be && read(one).is_some_and(|bytes| Some(bytes) == read(other))
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::fs;

    #[test]
    fn a_copy_has_the_same_content_and_nothing_else_has() {
        let directory = tempfile::tempdir().unwrap();
        let file = |name: &str, text: &str| {
            let path = directory.path().join(name);
            fs::write(&path, text).unwrap();
            File::open(path).unwrap()
        };
        let one = file("one", "#!/bin/sh");
        assert!(is_same(&one, &file("two", "#!/bin/sh")) && is_same(&one, &one));
        assert!(!is_same(&one, &file("three", "#!/bin/ls")) && !is_same(&one, &file("four", "#!/bin/s")));
    }

    #[test]
    fn a_child_is_in_the_execution_of_its_parent() {
        let mut all = Executions::default();
        let own = Pid::this();
        all.note(own);
        all.note_child(own, 1 << 22);
        assert_eq!(all.processes.get(&(1 << 22)), Some(&0));
        assert_eq!((all.list().len(), all.list()[0].by), (1, None));
        all.note(own);
        assert_eq!((all.list()[1].by, all.list()[1].file), (Some(0), all.list()[0].file));
    }
}
