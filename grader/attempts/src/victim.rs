//! The victim: a process of the decoy host that is there to be attacked. This file is also a program of its own, which the
//! grader's build script compiles: static, and with nothing but the standard library.

use std::ffi::{c_int, c_void};
use std::fs::File;
use std::io::{Read, Write};
use std::os::fd::FromRawFd;

/// Where a random word lies in its memory.
pub const ADDRESS: usize = 0x1000_0000;
/// The descriptor on which it holds a file open that has a random word in it.
#[allow(dead_code, reason = "the program leaves it open, and the others need the number")]
pub const DESCRIPTOR: i32 = 7;
/// The descriptor that it reads the word for its memory from, and closes.
pub const SOURCE: i32 = 8;
/// The descriptor that it writes a byte to when it is ready, and closes.
pub const READY: i32 = 9;

/// `PROT_READ | PROT_WRITE`, and `MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED_NOREPLACE`: include/uapi/asm-generic/mman-common.h.
const READ_AND_WRITE: c_int = 3;
const FIXED: c_int = 0x2 | 0x20 | 0x10_0000;

unsafe extern "C" {
    fn mmap(
        at: *mut c_void,
        length: usize,
        access: c_int,
        flags: c_int,
        file: c_int,
        offset: i64,
    ) -> *mut c_void;
    fn pause() -> c_int;
}

/// Puts the word into its memory and waits to be killed.
pub fn main() {
    let mut word = [0; 64];
    // SAFETY: the decoy host's PID 1 left this descriptor open for us.
    let length = unsafe { File::from_raw_fd(SOURCE) }.read(&mut word).unwrap_or(0);
    // SAFETY: a new page at an address where nothing is; the copy is shorter than the page.
    unsafe {
        let page = mmap(ADDRESS as *mut c_void, 4096, READ_AND_WRITE, FIXED, -1, 0);
        if page as usize != ADDRESS {
            return;
        }
        std::ptr::copy_nonoverlapping(word.as_ptr(), page.cast(), length);
        let _ = File::from_raw_fd(READY).write_all(b"!");
        loop {
            pause();
        }
    }
}
