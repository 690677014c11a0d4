//! Speaks in the probe's place, and tells of every attempt that it was refused.
//!
//! As a container program it finds the probe's socket in the root file system; in the probe's place it gets its
//! name. It gives its capabilities away first and makes the calls that the attempts make, so that whoever
//! watches sees them refused.

use std::ffi::{CStr, c_char, c_int, c_long, c_ulong, c_void};
use std::fs;
use std::io::{BufRead, BufReader, Write};
use std::os::unix::net::UnixStream;
use std::path::{Path, PathBuf};
use std::ptr::null;

unsafe extern "C" {
    fn mount(source: *const c_char, at: *const c_char, kind: *const c_char, flags: c_ulong, data: *const c_void) -> c_int;
    fn reboot(mode: c_int) -> c_int;
    fn syscall(number: c_long, ...) -> c_long;
}

const NOTHING: &CStr = c"";
/// `SYS_capset` (syscalls(2)), and `_LINUX_CAPABILITY_VERSION_3` with this process as its own target.
const CAPSET: c_long = if cfg!(target_arch = "x86_64") { 126 } else { 91 };
const HEADER: [u32; 2] = [0x2008_0522, 0];

fn main() {
    let words: Vec<PathBuf> = std::env::args_os().skip(1).map(PathBuf::from).collect();
    let socket = match &words[..] {
        [socket] => socket.clone(),
        _ => socket_in(&words[0]),
    };
    let stream = UnixStream::connect(socket).unwrap();
    for line in BufReader::new(&stream).lines().map_while(Result::ok) {
        let [key, check, ..] = line.split(' ').collect::<Vec<_>>()[..] else { return };
        let answer = format!("{key} try {check}\n{key} got {} refused\n", refused(check));
        let _ = (&stream).write_all(answer.as_bytes());
    }
}

/// The errno of the call that the attempt is about.
fn refused(check: &str) -> c_int {
    // SAFETY: every pointer is to constants that outlive the calls, and without capabilities none of them
    // changes anything.
    unsafe {
        if syscall(CAPSET, &HEADER, &[0u32; 6]) != 0 {
            return 0;
        }
        match check {
            "mount" => mount(NOTHING.as_ptr(), NOTHING.as_ptr(), NOTHING.as_ptr(), 0, null()),
            // RB_ENABLE_CAD, the harmless one of reboot(2)'s commands.
            "reboot" => reboot(0x89ab_cdef_u32 as c_int),
            _ => fs::read("/no/such/disk").map_or(-1, |_| 0),
        };
    }
    std::io::Error::last_os_error().raw_os_error().unwrap_or(0)
}

fn socket_in(rootfs: &Path) -> PathBuf {
    let is_socket =
        |path: &PathBuf| path.file_name().is_some_and(|name| name.as_encoded_bytes().starts_with(b"socket-"));
    fs::read_dir(rootfs).unwrap().flatten().map(|entry| entry.path()).find(is_socket).unwrap()
}
