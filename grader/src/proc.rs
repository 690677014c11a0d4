//! What the kernel says of processes, their mounts and their control groups: proc(5).

use nix::unistd::Pid;
use std::fmt::Display;
use std::fs::{self, File};
use std::io::Read;
use std::path::Path;

/// As much of a file is read: a program may make its mount table longer, by 100,000 lines.
const MAX_BYTES: u64 = 16 << 20;

/// A file of a process, by its number or `self`, as text; in names there may be any byte. Empty where it can't be read:
/// the process is gone, or somebody else's.
pub fn read(process: impl Display, file: &str) -> String {
    let mut bytes = Vec::new();
    let _ =
        File::open(format!("/proc/{process}/{file}")).map(|it| it.take(MAX_BYTES).read_to_end(&mut bytes));
    String::from_utf8_lossy(&bytes).into_owned()
}

/// The value in a line `name: value`, as in `status`, `fdinfo/<fd>`, `smaps_rollup` and `/proc/meminfo`.
pub fn field<'a>(text: &'a str, name: &str) -> Option<&'a str> {
    text.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(':')).map(str::trim)
}

/// A field of `stat`, by its number in proc_pid_stat(5), from 3 on: the second may hold anything, and ends with the last
/// parenthesis.
pub fn stat_field(stat: &str, number: usize) -> Option<&str> {
    stat.rsplit_once(')')?.1.split_whitespace().nth(number.checked_sub(3)?)
}

/// The names in a directory that are numbers: processes in `/proc`, descriptors in `/proc/<pid>/fd`.
pub fn numbers(directory: impl AsRef<Path>) -> Vec<i32> {
    let entries = fs::read_dir(directory).into_iter().flatten().flatten();
    entries.filter_map(|entry| entry.file_name().to_str()?.parse().ok()).collect()
}

/// The children of a process with one thread.
pub fn children(pid: Pid) -> Vec<Pid> {
    let list = read(pid, &format!("task/{pid}/children"));
    list.split_whitespace().filter_map(|number| number.parse().ok()).map(Pid::from_raw).collect()
}

/// Its threads.
pub fn tasks(pid: Pid) -> Vec<Pid> {
    numbers(format!("/proc/{pid}/task")).into_iter().map(Pid::from_raw).collect()
}

/// All processes below one. A process that is born while this is read may be missing.
pub fn descendants(pid: Pid) -> Vec<Pid> {
    let mut all = vec![pid];
    let mut next = 0;
    while let Some(parent) = all.get(next).copied() {
        next += 1;
        for task in tasks(parent) {
            let list = read(parent, &format!("task/{task}/children"));
            all.extend(list.split_whitespace().filter_map(|number| number.parse().ok()).map(Pid::from_raw));
        }
    }
    all.split_off(1)
}

/// The numbers of a process in its own PID namespace, last, and in those around it (NSpid, proc_pid_status(5)).
pub fn nspid(pid: Pid) -> Vec<i32> {
    let status = read(pid, "status");
    let numbers = field(&status, "NSpid").unwrap_or_default();
    numbers.split_whitespace().filter_map(|number| number.parse().ok()).collect()
}

/// A mount (proc_pid_mountinfo(5)). A space or the like in a name is written in another way there.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Mount<'a> {
    /// Where.
    pub point: &'a str,
    /// The type of the file system.
    pub kind: &'a str,
    /// The file system's own options, not those of the mount.
    pub options: &'a str,
}

/// The mounts in a text of `mountinfo`.
pub fn mounts(mountinfo: &str) -> impl Iterator<Item = Mount<'_>> {
    mountinfo.lines().filter_map(|line| {
        let (mount, file_system) = line.split_once(" - ")?;
        let mut fields = file_system.split(' ');
        let (kind, options) = (fields.next()?, fields.nth(1).unwrap_or_default());
        Some(Mount { point: mount.split(' ').nth(4)?, kind, options })
    })
}

/// The control groups in a text of `cgroup`: the hierarchy's controllers, none for v2, and the group's path in it.
pub fn control_groups(text: &str) -> impl Iterator<Item = (&str, &str)> {
    text.lines().filter_map(|line| line.split_once(':')?.1.split_once(':'))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_process_calls_itself_moves_no_field() {
        let stat = "7 (a) 1 (b) S 1 2 3";
        assert_eq!((stat_field(stat, 3), stat_field(stat, 4)), (Some("S"), Some("1")));
        assert_eq!((stat_field(stat, 2), stat_field(stat, 9)), (None, None));
        assert_eq!(stat_field(&read("self", "stat"), 4), Some(nix::unistd::getppid().to_string().as_str()));
    }

    #[test]
    fn a_name_that_is_no_text_hides_nothing() {
        use std::os::unix::ffi::OsStrExt;
        use std::process::Stdio;
        let name = std::ffi::OsStr::from_bytes(b"\xff");
        let mut command = std::process::Command::new("sh");
        command.args(["-c", "echo; read end"]).env("NAME", name).stdin(Stdio::piped()).stdout(Stdio::piped());
        let mut child = command.spawn().unwrap();
        // Before the first line it may not have its environment yet.
        child.stdout.as_mut().unwrap().read_exact(&mut [0]).unwrap();
        let environment = read(child.id(), "environ");
        drop(child.stdin.take());
        child.wait().unwrap();
        assert!(environment.contains("NAME=\u{fffd}"), "{environment:?}");
    }

    #[test]
    fn fields_are_read_by_their_whole_name() {
        let status = "Name:\tPid:\nPid:\t7\nPPid:\t1\n";
        assert_eq!(
            (field(status, "Pid"), field(status, "PPid"), field(status, "P")),
            (Some("7"), Some("1"), None)
        );
        assert_eq!(read(-1, "status"), "");
    }

    #[test]
    fn mounts_and_groups_are_read_from_their_lines() {
        let line =
            "36 35 98:0 /mnt1 /mnt2 rw,noatime master:1 shared:2 - ext3 /dev/root rw,errors=continue\nodd\n";
        let mount = Mount { point: "/mnt2", kind: "ext3", options: "rw,errors=continue" };
        assert_eq!(mounts(line).collect::<Vec<_>>(), [mount]);
        let groups = control_groups("9:name=systemd:/s\n2:cpu,cpuacct:/c:d\n0::/w\n");
        assert_eq!(groups.collect::<Vec<_>>(), [("name=systemd", "/s"), ("cpu,cpuacct", "/c:d"), ("", "/w")]);
    }
}
