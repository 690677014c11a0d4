//! What a decoy of the user kind refuses to everybody in it, root included, and a real host would not: the host follows a
//! program's system calls and sees the call and its errno.
//!
//! What is on the list was written down before any program was seen, and it counts only for a program that never starts its
//! command there.

use nix::errno::Errno;
use nix::libc::{self, c_long};
use nix::sys::ptrace;
use nix::sys::uio::{RemoteIoVec, process_vm_readv};
use nix::unistd::Pid;
use std::collections::BTreeMap;
use std::io::IoSliceMut;

/// File systems that root of a user namespace may mount: FS_USERNS_MOUNT in the kernel's sources. All others need the machine's
/// root.
const MOUNTED_BY_ALL: [&str; 12] = [
    "proc",
    "sysfs",
    "tmpfs",
    "ramfs",
    "devpts",
    "mqueue",
    "cgroup",
    "cgroup2",
    "overlay",
    "fuse",
    "fuse.",
    "binfmt_misc",
];

/// Flags of mount(2) with which its type counts for nothing.
const NO_NEW_MOUNT: u64 = libc::MS_BIND
    | libc::MS_REMOUNT
    | libc::MS_MOVE
    | libc::MS_SHARED
    | libc::MS_PRIVATE
    | libc::MS_SLAVE
    | libc::MS_UNBINDABLE;

/// Calls by which a container is made: where one of them fails later, that may be what ended the program.
#[rustfmt::skip]
const SET_UP: &[c_long] = &[
    libc::SYS_mount, libc::SYS_pivot_root, libc::SYS_chroot, libc::SYS_chdir, libc::SYS_fchdir, libc::SYS_unshare,
    libc::SYS_setns, libc::SYS_clone, libc::SYS_clone3, libc::SYS_mknodat, libc::SYS_sethostname, libc::SYS_fsopen,
    libc::SYS_fsconfig, libc::SYS_fsmount, libc::SYS_move_mount, libc::SYS_open_tree, libc::SYS_mount_setattr,
    libc::SYS_capset, libc::SYS_seccomp,
    #[cfg(target_arch = "x86_64")]
    libc::SYS_mknod,
];

/// Longer is no name of a file system.
const MAX_NAME: usize = 64;

/// The calls of a program and of all that it starts.
#[derive(Debug, Default)]
pub struct Calls {
    /// What each is about to do.
    begun: BTreeMap<i32, (c_long, Option<String>)>,
    /// The file system of each descriptor that fsopen(2) is about to make: that of the last one.
    opened: String,
    /// The last call of those that make a container which failed: what it would have done, if the decoy refuses it to all.
    failed: Option<String>,
}

impl Calls {
    /// Looks at a process that has stopped at the entry or at the exit of a system call.
    pub fn see(&mut self, pid: Pid) {
        let Ok(info) = ptrace::syscall_info(pid) else { return };
        // SAFETY: the kernel has written what `op` says.
        unsafe {
            match info.op {
                libc::PTRACE_SYSCALL_INFO_ENTRY => {
                    let entry = info.u.entry;
                    let (number, arguments) = (entry.nr as c_long, entry.args);
                    let forbidden = self.forbidden(pid, number, arguments);
                    self.begun.insert(pid.as_raw(), (number, forbidden));
                }
                libc::PTRACE_SYSCALL_INFO_EXIT => {
                    let Some((number, forbidden)) = self.begun.remove(&pid.as_raw()) else { return };
                    if info.u.exit.is_error != 0 && SET_UP.contains(&number) {
                        let refused = info.u.exit.sval == -(Errno::EPERM as i64);
                        self.failed = forbidden.filter(|_| refused);
                    }
                }
                _ => {}
            }
        }
    }

    /// What the decoy refused to the program, if it was the last that failed.
    pub fn refused(&self) -> Option<&str> {
        self.failed.as_deref()
    }

    /// What a call would do, if nobody in a user namespace may.
    fn forbidden(&mut self, pid: Pid, number: c_long, arguments: [u64; 6]) -> Option<String> {
        let new_mount = |kind: String| {
            let is_free = |it: &&str| kind == *it || it.ends_with('.') && kind.starts_with(*it);
            let named = !kind.is_empty() && !MOUNTED_BY_ALL.iter().any(is_free);
            named.then(|| format!("mounting a file system of the type {kind} (mount: EPERM)"))
        };
        let node = |mode: u64| {
            let is_device = [libc::S_IFCHR, libc::S_IFBLK].contains(&(mode as u32 & libc::S_IFMT));
            is_device.then(|| "making a device node (mknod: EPERM)".to_owned())
        };
        match number {
            libc::SYS_mount if arguments[3] & NO_NEW_MOUNT == 0 => new_mount(text(pid, arguments[2])),
            libc::SYS_mknodat => node(arguments[2]),
            #[cfg(target_arch = "x86_64")]
            libc::SYS_mknod => node(arguments[1]),
            libc::SYS_fsopen => {
                self.opened = text(pid, arguments[0]);
                None
            }
            libc::SYS_fsconfig if arguments[1] == FSCONFIG_CMD_CREATE => new_mount(self.opened.clone()),
            _ => None,
        }
    }
}

/// include/uapi/linux/mount.h
const FSCONFIG_CMD_CREATE: u64 = 6;

/// A string in a process's memory; empty where there is none.
fn text(pid: Pid, at: u64) -> String {
    let mut bytes = [0; MAX_NAME];
    // It may lie at the end of what is there: then the rest of it is on the next page, or nowhere.
    let length = MAX_NAME.min((PAGE - at % PAGE) as usize);
    let there = [
        RemoteIoVec { base: at as usize, len: length },
        RemoteIoVec { base: at as usize + length, len: MAX_NAME - length },
    ];
    let read = process_vm_readv(pid, &mut [IoSliceMut::new(&mut bytes)], &there).unwrap_or(0);
    let text = bytes[..read].split(|byte| *byte == 0).next().unwrap_or_default();
    String::from_utf8_lossy(text).chars().filter(|it| it.is_ascii_graphic()).collect()
}

/// The smallest page of any machine.
const PAGE: u64 = 4096;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_user_namespace_may_mount_is_not_on_the_list() {
        let kind = c"devtmpfs";
        let mut calls = Calls::default();
        let own = Pid::this();
        let mount = |kind: &std::ffi::CStr, flags| [0, 0, kind.as_ptr() as u64, flags, 0, 0];
        let mut forbidden = |kind, flags| calls.forbidden(own, libc::SYS_mount, mount(kind, flags));
        assert!(forbidden(kind, 0).is_some_and(|what| what.contains("devtmpfs")));
        assert_eq!(forbidden(kind, libc::MS_BIND), None);
        assert_eq!(forbidden(c"proc", 0), None);
        assert_eq!(forbidden(c"fuse.x", 0), None);
        assert_eq!(forbidden(c"", 0), None);
        let node = |mode: u32| [0, 0, u64::from(mode), 0, 0, 0];
        assert!(calls.forbidden(own, libc::SYS_mknodat, node(libc::S_IFCHR | 0o666)).is_some());
        assert_eq!(calls.forbidden(own, libc::SYS_mknodat, node(libc::S_IFIFO)), None);
    }
}
