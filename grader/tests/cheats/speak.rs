// Speaks in the probe's place: gives its capabilities away, makes the calls and tells that they were refused.

use std::io::{BufRead, BufReader, Write};
use std::os::unix::net::UnixStream;
use std::path::PathBuf;

unsafe extern "C" {
    fn syscall(number: i64, ...) -> i64;
}

fn main() {
    let words: Vec<String> = std::env::args().collect();
    // As a program it gets the rootfs first, in the probe's place the socket.
    let socket = if words[1].contains("socket-") { words[1].clone().into() } else { find(&words[1]) };
    let stream = UnixStream::connect(socket).unwrap();
    for line in BufReader::new(&stream).lines().map_while(Result::ok) {
        let words: Vec<&str> = line.split(' ').collect();
        let calls = if cfg!(target_arch = "x86_64") { [126, 165, 169] } else { [91, 40, 142] };
        // SAFETY: the calls read what lives long enough; without capabilities the last two are refused.
        let dropped = unsafe { syscall(calls[0], &[0x2008_0522u32, 0], &[0u32; 6]) };
        if dropped == 0 {
            // SAFETY: as above. The last is the harmless LINUX_REBOOT_CMD_CAD_ON.
            unsafe {
                syscall(calls[1], c"".as_ptr(), c"".as_ptr(), c"".as_ptr(), 0, 0);
                syscall(calls[2], 0xfee1_dead_u32, 672_274_793, 0x89ab_cdef_u32, 0);
            }
        }
        let _ = write!(&stream, "{0} try {1}\n{0} got 1 EPERM\n", words[0], words[1]);
    }
}

fn find(rootfs: &str) -> PathBuf {
    let mut paths = std::fs::read_dir(rootfs).unwrap().flatten().map(|entry| entry.path());
    paths.find(|path| path.to_string_lossy().contains("/socket-")).unwrap()
}
