//! Memory, as the attacker takes it.

use super::{Attacker, Failed};
use nix::libc;

impl Attacker<'_> {
    /// mmap(2) of new private memory. Returns its address.
    ///
    /// # Errors
    /// Here and below: see [`Hand::call`](super::Hand::call).
    pub fn map(&mut self, length: usize, flags: i32) -> Result<i64, Failed> {
        let access = libc::PROT_READ | libc::PROT_WRITE;
        let flags = libc::MAP_PRIVATE | libc::MAP_ANONYMOUS | flags;
        let arguments =
            [0.into(), (length as i64).into(), access.into(), flags.into(), (-1).into(), 0.into()];
        Ok(self.call("mmap", libc::SYS_mmap, arguments)?.value)
    }

    /// madvise(2).
    pub fn advise(&mut self, address: i64, length: usize, advice: i32) -> Result<(), Failed> {
        let arguments = [address.into(), (length as i64).into(), advice.into()];
        self.call("madvise", libc::SYS_madvise, arguments).map(drop)
    }
}
