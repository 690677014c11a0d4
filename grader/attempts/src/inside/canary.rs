//! The host's canary: two files in the top directory of its tree, one for root and one for everybody. Whoever
//! lost root on the way may still read the second.

use super::read::read_below;
use nix::errno::Errno;
use std::os::fd::AsFd;

/// Reads the canary at the first of these places below a directory where one can be read. A place is empty, or
/// ends with a slash. The errno is that of the last try.
pub fn canary(directory: impl AsFd, places: &[&str]) -> Result<Vec<u8>, Errno> {
    let mut refused = Errno::ENOENT;
    for place in places {
        for name in ["canary", "canary.open"] {
            match read_below(&directory, &format!("{place}{name}")) {
                Ok(bytes) => return Ok(bytes),
                Err(errno) => refused = errno,
            }
        }
    }
    Err(refused)
}
