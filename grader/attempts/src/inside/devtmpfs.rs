//! The machine's devtmpfs. There is one for the whole machine: where a program has mounted it, a file that is made
//! in it is made in the machine's own `/dev`. So whoever makes one looks first.

use nix::libc;
use std::fs;
use std::os::unix::fs::{FileTypeExt, MetadataExt};
use std::path::Path;

/// Whether what is made at this path is made in the machine's devtmpfs. A path that is missing counts as the directory
/// in which it would be made. statfs(2) does not tell it from another tmpfs; statmount(2) would, but a filter may kill
/// for a call that new: so the mount table, and where there is none or a made-up one, a node that only the kernel makes.
pub fn holds(path: &str) -> bool {
    let there = Path::new(path).ancestors().find(|at| fs::metadata(at).is_ok());
    there.and_then(Path::to_str).is_none_or(|at| is_listed(at) || has_kernel_log(at))
}

/// Whether the mount table names a devtmpfs with this path's device number: proc_pid_mountinfo(5).
fn is_listed(path: &str) -> bool {
    let Ok(device) = fs::metadata(path).map(|it| it.dev()) else { return true };
    let number = format!("{}:{}", libc::major(device), libc::minor(device));
    let table = fs::read_to_string("/proc/self/mountinfo").unwrap_or_default();
    table.lines().any(|line| {
        line.split(' ').nth(2) == Some(&number)
            && line.split_once(" - ").is_some_and(|(_, rest)| rest.starts_with("devtmpfs "))
    })
}

/// Whether this directory itself holds the node of the kernel's log, which lies in every devtmpfs.
fn has_kernel_log(path: &str) -> bool {
    let Ok(log) = fs::symlink_metadata(Path::new(path).join("kmsg")) else { return false };
    log.file_type().is_char_device() && fs::metadata(path).is_ok_and(|it| it.dev() == log.dev())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_machines_own_is_known_in_each_way() {
        let table = fs::read_to_string("/proc/self/mountinfo").unwrap();
        if table.lines().any(|line| line.contains(" /dev ") && line.contains(" - devtmpfs ")) {
            assert!(holds("/dev") && holds("/dev/no/such/directory"));
            assert!(is_listed("/dev") && has_kernel_log("/dev"));
        }
        let temporary = std::env::temp_dir();
        let elsewhere = temporary.to_str().unwrap();
        assert!(!holds(elsewhere) && !is_listed(elsewhere) && !has_kernel_log(elsewhere));
    }
}
