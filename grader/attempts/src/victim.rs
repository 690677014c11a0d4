//! The victim: a process of the decoy host that is there to be attacked.

use nix::libc;
use std::io::{Read, Write};
use std::os::fd::FromRawFd;

/// Where a random word lies in its memory.
pub const ADDRESS: usize = 0x1000_0000;
/// The descriptor on which it holds a file open that has a random word in it.
pub const DESCRIPTOR: i32 = 7;
/// The descriptor that it reads the word for its memory from, and closes.
pub const SOURCE: i32 = 8;
/// The descriptor that it writes a byte to when it is ready, and closes.
pub const READY: i32 = 9;

/// Puts the word into its memory and waits to be killed.
pub fn main() -> u8 {
    let mut word = [0; 64];
    // SAFETY: the decoy host's PID 1 left this descriptor open for us.
    let length = unsafe { std::fs::File::from_raw_fd(SOURCE) }.read(&mut word).unwrap_or(0);
    // SAFETY: a new page at an address where nothing is; the copy is shorter than the page.
    unsafe {
        let flags = libc::MAP_PRIVATE | libc::MAP_ANONYMOUS | libc::MAP_FIXED_NOREPLACE;
        let protection = libc::PROT_READ | libc::PROT_WRITE;
        let page = libc::mmap(ADDRESS as *mut _, 4096, protection, flags, -1, 0);
        if page as usize != ADDRESS {
            return 1;
        }
        std::ptr::copy_nonoverlapping(word.as_ptr(), page.cast(), length);
        let _ = std::fs::File::from_raw_fd(READY).write_all(b"!");
        loop {
            libc::pause();
        }
    }
}
