//! Starts the command in a chroot, stopped before its first instruction and traced.

use std::ffi::{c_int, c_long, c_void};
use std::io;
use std::os::unix::fs::chroot;
use std::os::unix::process::CommandExt;
use std::process::{Child, Command};
use std::ptr::null;

unsafe extern "C" {
    pub fn ptrace(request: c_long, pid: c_int, address: *const c_void, data: *const c_void) -> c_long;
    pub fn waitpid(pid: c_int, status: *mut c_int, options: c_int) -> c_int;
}

const TRACEME: c_long = 0;

/// Starts it by the program's own words: the directory, the command.
pub fn start() -> (Child, c_int) {
    let words: Vec<String> = std::env::args().skip(1).collect();
    let rootfs = words[0].clone();
    let mut command = Command::new(&words[1]);
    command.args(&words[2..]);
    let enter = move || {
        chroot(&rootfs)?;
        std::env::set_current_dir("/")?;
        // SAFETY: the request takes no pointers.
        match unsafe { ptrace(TRACEME, 0, null(), null()) } {
            -1 => Err(io::Error::last_os_error()),
            _ => Ok(()),
        }
    };
    // SAFETY: system calls alone, in a child that the command then replaces.
    let child = unsafe { command.pre_exec(enter).spawn().unwrap() };
    let pid = child.id() as c_int;
    (child, pid)
}
