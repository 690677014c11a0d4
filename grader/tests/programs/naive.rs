//! A container as it is written first: `naive DIRECTORY COMMAND...`. It binds the directory onto itself, mounts a tmpfs
//! on its `tmp` by the path, exchanges the root and takes the old one off. It minds no link.

use std::ffi::{CString, c_char, c_int, c_long, c_ulong, c_void};
use std::io;
use std::os::unix::process::CommandExt;
use std::process::Command;
use std::ptr::null;

unsafe extern "C" {
    fn unshare(flags: c_int) -> c_int;
    fn mount(from: *const c_char, at: *const c_char, kind: *const c_char, flags: c_ulong, data: *const c_void) -> c_int;
    fn umount2(at: *const c_char, flags: c_int) -> c_int;
    fn syscall(number: c_long, ...) -> c_long;
}

// include/uapi/linux/sched.h, mount.h, and the numbers of pivot_root(2)
const CLONE_NEWNS: c_int = 0x20000;
const MS_BIND: c_ulong = 0x1000;
const MS_REC: c_ulong = 0x4000;
const MS_PRIVATE: c_ulong = 1 << 18;
const MNT_DETACH: c_int = 2;
const PIVOT_ROOT: c_long = if cfg!(target_arch = "x86_64") { 155 } else { 41 };

fn main() {
    let words: Vec<String> = std::env::args().filter(|word| word != "--quiet").collect();
    let rootfs = CString::new(words[1].as_str()).unwrap();
    let (root, here, tmpfs) = (c"/".as_ptr(), c".".as_ptr(), c"tmpfs".as_ptr());
    // SAFETY: every path ends in NUL and outlives its call; nothing is written through a pointer.
    unsafe {
        must(unshare(CLONE_NEWNS), "unshare");
        must(mount(null(), root, null(), MS_REC | MS_PRIVATE, null()), "making / private");
        must(mount(rootfs.as_ptr(), rootfs.as_ptr(), null(), MS_BIND | MS_REC, null()), "binding the directory");
        std::env::set_current_dir(&words[1]).unwrap();
        must(mount(tmpfs, c"tmp".as_ptr(), tmpfs, 0, null()), "mounting tmp");
        must(syscall(PIVOT_ROOT, here, here) as c_int, "pivot_root");
        must(umount2(here, MNT_DETACH), "umount2");
    }
    std::env::set_current_dir("/").unwrap();
    panic!("{}", Command::new(&words[2]).args(&words[3..]).exec());
}

fn must(answer: c_int, what: &str) {
    assert_eq!(answer, 0, "{what}: {}", io::Error::last_os_error());
}
