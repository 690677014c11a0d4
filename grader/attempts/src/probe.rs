//! `probe <socket>`: runs the inside half of a check, as the command of the container under test.
//!
//! Without Rust's own start of a program: that wants three open descriptors, or a /dev/null to open in place of
//! a missing one, and a container may have neither.

#![no_main]

use nix::libc;
use std::ffi::{CStr, c_char};

/// Called by the C library.
///
/// # Safety
/// `words` are `count` strings that end in NUL (C11, 5.1.2.2.1).
#[unsafe(no_mangle)]
pub unsafe extern "C" fn main(count: libc::c_int, words: *const *const c_char) -> libc::c_int {
    let word = |at: libc::c_int| {
        // SAFETY: see above.
        unsafe { CStr::from_ptr(*words.offset(at as isize)) }.to_string_lossy().into_owned()
    };
    let arguments: Vec<String> = (0..count).map(word).collect();
    attempts::inside::probe(&arguments).into()
}
