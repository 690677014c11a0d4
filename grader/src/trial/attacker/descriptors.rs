//! What the attacker's descriptors are of, as the host sees it.

use crate::proc::{self, field};
use nix::libc;
use nix::unistd::Pid;
use std::fs;
use std::os::unix::fs::MetadataExt;

/// The type of the mount on which a descriptor lies, by the number of that mount (proc_pid_fdinfo(5)) in the process's mount
/// table; that has no mount in which a chroot(2) lies, but then the host's table has its device.
pub fn file_system(pid: Pid, host: Pid, descriptor: i32) -> Option<String> {
    let about = proc::read(pid, &format!("fdinfo/{descriptor}"));
    let mount = field(&about, "mnt_id")?;
    let with = |table: &str, column, word: &str| {
        let line = table.lines().find(|line| line.split(' ').nth(column) == Some(word))?;
        line.split_once(" - ")?.1.split(' ').next().map(str::to_owned)
    };
    with(&proc::read(pid, "mountinfo"), 0, mount).or_else(|| {
        let device = fs::metadata(format!("/proc/{pid}/fd/{descriptor}")).ok()?.dev();
        let device = format!("{}:{}", libc::major(device), libc::minor(device));
        with(&proc::read(host, "mountinfo"), 2, &device)
    })
}
