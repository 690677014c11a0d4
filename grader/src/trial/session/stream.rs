//! A stream of the program: read to its end, and its beginning kept.

use super::KEPT;
use nix::libc;
use std::fs::File;
use std::io::Read;

#[derive(Default)]
pub(super) struct Stream {
    pub(super) kept: Vec<u8>,
    pub(super) ended: bool,
}

impl Stream {
    /// Reads what is there, and keeps the beginning. Whoever writes a gigabyte fills no memory of
    /// ours.
    pub(super) fn drain(&mut self, file: &mut File) {
        let mut buffer = [0; 64 << 10];
        // Not more at once: a stream without end must not hold the loop.
        for _ in 0..64 {
            if self.ended {
                return;
            }
            match file.read(&mut buffer) {
                Ok(0) => self.ended = true,
                Ok(length) => {
                    let room = KEPT.saturating_sub(self.kept.len()).min(length);
                    self.kept.extend(&buffer[..room]);
                }
                Err(error) if error.raw_os_error() == Some(libc::EAGAIN) => return,
                Err(error) if error.raw_os_error() == Some(libc::EINTR) => {}
                // A terminal whose other end is closed.
                Err(_) => self.ended = true,
            }
        }
    }
}
