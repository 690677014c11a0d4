//! A file, read with pread(2): the probe's own talk uses read(2).

use super::Inside;
use nix::errno::Errno;
use nix::fcntl::{OFlag, open};
use nix::sys::stat::Mode;
use nix::sys::uio::pread;

/// More than this is read of no file: what lies at a path is the container's choice, and may have no end.
const MOST: usize = 16 << 20;

/// Reads a file, and hands out piece by piece what was read, until it ends or `wanted` says false.
pub fn read(path: &str, mut wanted: impl FnMut(&[u8]) -> bool) -> Result<(), Errno> {
    let file = open(path, OFlag::O_RDONLY | OFlag::O_CLOEXEC, Mode::empty())?;
    let mut piece = [0; 16 << 10];
    let mut at = 0;
    while at < MOST {
        let length = pread(&file, &mut piece, at as i64)?;
        at += length;
        if length == 0 || !wanted(&piece[..length]) {
            break;
        }
    }
    Ok(())
}

/// Reads a file and hands the host all of it.
pub fn bring_out(me: &mut Inside, path: &str) -> Result<(), Errno> {
    read(path, |piece| {
        me.bring_out(piece);
        true
    })
}
