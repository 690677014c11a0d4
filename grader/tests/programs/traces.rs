//! Runs the command in a chroot, and holds it by ptrace(2) all the way: a tracer can write its tracee's answers.

use std::ffi::{c_int, c_long, c_void};
use std::io;
use std::os::unix::fs::chroot;
use std::os::unix::process::CommandExt;
use std::process::Command;
use std::ptr::{null, null_mut};

unsafe extern "C" {
    fn ptrace(request: c_long, pid: c_int, address: *const c_void, data: *const c_void) -> c_long;
    fn waitpid(pid: c_int, status: *mut c_int, options: c_int) -> c_int;
}

const TRACEME: c_long = 0;
const CONT: c_long = 7;

fn main() {
    let words: Vec<String> = std::env::args().skip(1).collect();
    let rootfs = words[0].clone();
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
    let mut child = unsafe { Command::new(&words[1]).args(&words[2..]).pre_exec(enter).spawn().unwrap() };
    let pid = child.id() as c_int;
    let mut status = 0;
    // SAFETY: waitpid(2) writes one int; the request takes no pointers. Each stop is let go, until there is no
    // such child.
    unsafe {
        while waitpid(pid, &mut status, 0) == pid && status & 0x7f == 0x7f {
            ptrace(CONT, pid, null(), null_mut());
        }
    }
    let _ = child.wait();
}
